"""From starting to the first answer about a 720p picture, and the memory it takes.

`command`: our command line beside a process that does the same with mtcnn and Keras. `service`: our
service, worker included, beside the least Flask service with these. Ratios are ours by theirs.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import cv2
import requests

from benchmarks.compare import Comparison, Wanted, alternating, report
from benchmarks.options import line, option, results
from benchmarks.peers import environments
from benchmarks.peers.side import QUIET, ROOT, command
from benchmarks.pictures import SAMPLES_PER_S, fit
from benchmarks.processes import Peak
from benchmarks.servers import free_port
from server.config import PREFIX, Settings
from server.launch import SAMPLE
from server.terms import AnalysisOptions

KINDS = ("command", "service")
MIN_FACE_PX = 40
MODEL = AnalysisOptions().model  # the default
LIMIT_S, POLL_S = 120.0, 0.02
WANTED_TIME, WANTED_MEMORY = Wanted(0.15, most=True), Wanted(0.33, most=True)
PEER = "mtcnn and Keras"
PACKAGES = ("ai-edge-litert", "mtcnn", "tensorflow", "keras", "flask", "gunicorn")


@dataclass(frozen=True, slots=True)
class Options:
    rounds: int = option("how often each is started", 5)
    watched: int = option("and again, for the memory", 3)
    kinds: tuple[str, ...] = option("what is started", KINDS, choices=KINDS)
    results: Path = results("startup")


Answer = Callable[["subprocess.Popen[str]"], int]  # waits for it: how many faces it found


@dataclass(frozen=True, slots=True)
class Start:
    """A program, and how its first answer is had; `port`: the one of our service."""

    arguments: list[str]
    answer: Answer
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds to the first answer, faces in it, and megabytes of memory until then, if watched."""

    seconds: float
    faces: int
    peak_mb: float


def main(options: Options) -> None:
    """Measure, print, and write `options.results`. Raises Missing."""
    comparisons, python = [], environments.lean()
    with tempfile.TemporaryDirectory(prefix="mesoscope-startup-") as folder:
        picture = Path(folder) / "picture.jpg"
        cv2.imwrite(str(picture), fit(cv2.imread(str(SAMPLE)), (1280, 720)))
        for kind in options.kinds:
            starts = _commands if kind == "command" else _services
            pair = starts(python, picture)
            timed = alternating(pair, options.rounds, partial(_run, watched=False))
            watched = alternating(pair, options.watched, partial(_run, watched=True))
            seconds = [[run.seconds for run in runs] for runs in timed]
            peaks = [[run.peak_mb for run in runs] for runs in watched]
            notes = {"our_faces": timed[0][0].faces, "their_faces": timed[1][0].faces}
            comparisons.append(Comparison(kind, PEER, *seconds, WANTED_TIME, notes=notes))
            if options.watched:
                name = f"{kind}-memory"
                comparisons.append(Comparison(name, PEER, *peaks, WANTED_MEMORY, "MB", notes))
    versions = {name: version(name) for name in PACKAGES}
    report("startup", comparisons, line(options), versions, options.results)


def _commands(python: Path, picture: Path) -> tuple[Start, Start]:
    """Our command line, and a process with mtcnn and Keras, which first prints that it is ready."""

    def said(process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        answers = (json.loads(line) for line in process.stdout)
        faces = next(answer["faces"] for answer in answers if "faces" in answer)
        return faces if isinstance(faces, int) else len(faces)

    ours = [str(python), "-m", "server", "analyze", str(picture), "--json"]
    options = {"path": str(picture), "samples_per_s": SAMPLES_PER_S, "min_face_px": MIN_FACE_PX}
    return Start(ours, said), Start(command("plain_pipeline", **options, model=MODEL), said)


def _services(python: Path, picture: Path) -> tuple[Start, Start]:
    """Our service, web server and worker, and the least one with mtcnn and Keras."""
    ours = [str(python), "-m", "server", "run"]
    port, their_port = free_port(), free_port()
    theirs = command("plain_service", port=their_port, min_face_px=MIN_FACE_PX, model=MODEL)
    return (
        Start(ours, _served(port, picture), port),
        Start(theirs, _served(their_port, picture)),
    )


def _served(port: int, picture: Path) -> Answer:
    def faces(process: subprocess.Popen[str]) -> int:
        service = f"http://127.0.0.1:{port}"
        while process.poll() is None:
            with suppress(requests.ConnectionError):
                if requests.get(f"{service}/healthz", timeout=LIMIT_S).ok:
                    break
            time.sleep(POLL_S)
        with picture.open("rb") as file:
            answer = requests.post(f"{service}/check-file", files={"file": file}, timeout=LIMIT_S)
        while "Retry-After" in answer.headers:
            time.sleep(POLL_S)
            answer = requests.get(service + answer.headers["Location"], timeout=LIMIT_S)
        body = answer.json()
        return len(body.get("result", body)["faces"])

    return faces


def _run(start: Start, *, watched: bool) -> Run:
    """Start it, get its answer, and end it and all that it started."""
    with tempfile.TemporaryDirectory(prefix="mesoscope-started-") as folder:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)} | QUIET
        if start.port is not None:
            environment |= Settings(port=start.port, data_dir=Path(folder)).to_env()
        before_s = time.monotonic()
        process = subprocess.Popen(
            start.arguments,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            with Peak(process.pid) if watched else nullcontext() as peak:
                faces = start.answer(process)
                seconds = time.monotonic() - before_s
        finally:
            process.terminate()
            process.communicate(timeout=LIMIT_S)
    return Run(seconds, faces, peak.megabytes if peak else 0.0)
