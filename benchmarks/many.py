"""Many checks at once, beside the same ones one after the other: none slower in all, none starved.

A service for each number of checks at once (`MESOSCOPE_WORKERS`) gets all videos in one moment. The
time is from the first question to the last answer; a check is starved if its own run takes much
longer than the others'.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import requests

from benchmarks.clip import Scene, marked
from benchmarks.compare import Comparison, Wanted, write
from benchmarks.cost import MANY, plot
from benchmarks.machine import setting
from benchmarks.options import WORK, line, option, results
from tests.e2e.conftest import served, serving

AT_ONCE = (1, 2, 4, 8, 16)
WARM_S = 8.0  # until checks are forked from what is warm
LIMIT_S, POLL_S = 600.0, 0.1
NO_SLOWER, NOT_STARVED = Wanted(1.05, most=True), Wanted(2, most=True)
PACKAGES = ("ai-edge-litert", "av", "opencv-python-headless", "flask", "celery")


@dataclass(frozen=True, slots=True)
class Options:
    """`scene`: what each video shows; `at_once`: the first is what the others are compared with."""

    checks: int = option("sent in one moment", 16)
    rounds: int = option("how often each number is measured", 3)
    results: Path = results("many")
    scene: Scene = Scene(seconds=10)
    at_once: Sequence[int] = AT_ONCE
    folder: Path = WORK


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds from the first question to the last answer, and those of each check's own run."""

    seconds: float
    each: tuple[float, ...]

    @property
    def slowest(self) -> float:
        """Of the checks' own runs, by their median."""
        return max(self.each) / statistics.median(self.each)


def main(options: Options) -> None:
    """Measure, print, write `options.results` and a plot beside it."""
    video = options.scene.file(options.folder).read_bytes()
    runs: dict[int, list[Run]] = {workers: [] for workers in options.at_once}
    for _ in range(options.rounds):
        for workers in options.at_once:
            runs[workers].append(measured(video, options.checks, workers))
            print(f"{workers} at once: {runs[workers][-1].seconds:.1f} s", flush=True)
    compared = list(comparisons(runs))
    about = setting(line(options), {name: version(name) for name in PACKAGES})
    write([each.row() for each in compared], about, options.results)
    points = [(float(n), statistics.median(r.seconds for r in runs[n])) for n in options.at_once]
    plot(MANY, points, options.results.with_suffix(".png"))
    for each in compared:
        print(f"many-{each.name} ratio={each.ratio:.3g} (wanted {each.wanted})", flush=True)


def comparisons(runs: Mapping[int, Sequence[Run]]) -> list[Comparison]:
    """Of each number at once: all by those one after the other, the slowest check by the median."""
    first, *others = runs
    alone = [run.seconds for run in runs[first]]
    found = []
    for workers in others:
        seconds = [run.seconds for run in runs[workers]]
        found.append(Comparison(f"{workers}-at-once", "one by one", seconds, alone, NO_SLOWER))
    for workers in runs:
        slowest = [max(run.each) for run in runs[workers]]
        median = [statistics.median(run.each) for run in runs[workers]]
        name = f"{workers}-at-once-slowest"
        found.append(Comparison(name, "the median check", slowest, median, NOT_STARVED))
    return found


def measured(video: bytes, checks: int, workers: int) -> Run:
    """A service that runs `workers` checks at once gets all of `checks`. Raises RuntimeError."""
    with tempfile.TemporaryDirectory(prefix="mesoscope-many-") as name:
        folder = Path(name)
        (folder / "site").mkdir()
        with (
            served(folder / "site") as site,
            serving(
                site, folder / "data", folder / "log", MESOSCOPE_WORKERS=str(workers)
            ) as service,
        ):
            time.sleep(WARM_S)
            ask = partial(_asked, service, video)
            with ThreadPoolExecutor(checks) as askers:
                jobs = list(askers.map(ask, range(checks)))
            return _ended(service, jobs)


def _asked(service: str, video: bytes, number: int) -> str:
    """Send a video that nobody has seen before; the id of its job."""
    files = {"file": (f"{number}.mp4", marked(video, f"many-{number}".encode()))}
    answer = requests.post(f"{service}/check-file", files=files, data={"wait": 0}, timeout=LIMIT_S)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _ended(service: str, jobs: Sequence[str]) -> Run:
    deadline = time.monotonic() + LIMIT_S
    found = {}
    while len(found) < len(jobs):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(jobs) - len(found)} checks have not ended")
        time.sleep(POLL_S)
        for job in (each for each in jobs if each not in found):
            shown = requests.get(f"{service}/jobs/{job}", timeout=LIMIT_S).json()
            if shown["state"] == "failed":
                raise RuntimeError(f"a check failed: {shown}")
            if shown["finished_at"] is not None:
                found[job] = shown
    each = tuple(shown["finished_at"] - shown["started_at"] for shown in found.values())
    start = min(shown["created_at"] for shown in found.values())
    return Run(max(shown["finished_at"] for shown in found.values()) - start, each)
