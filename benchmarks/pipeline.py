"""How long checking a whole video takes, beside what is usually built, and how much memory.

Each check is a process of its own: ours, and OpenCV with the mtcnn package and Keras' predict of
the same network. `answer` and `tentative` count from when networks are loaded, as in a running
service, `-with-start` from when the process was started.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.clip import Scene, repeated
from benchmarks.compare import Comparison, Wanted, alternating, report
from benchmarks.options import WORK, line, option, results
from benchmarks.peers import environments
from benchmarks.peers.side import command
from benchmarks.pictures import SAMPLES_PER_S
from benchmarks.processes import Program, events, peak_mb
from server.processes.protocol import ENVIRONMENT
from server.terms import AnalysisOptions

MIN_FACE_PX = 40
MODEL = AnalysisOptions().model  # the default
PEER = "OpenCV, mtcnn, Keras predict"
WANTED = {"answer": Wanted(12), "tentative": Wanted(40)}
MOST_MB = 250.0
PACKAGES = ("ai-edge-litert", "av", "opencv-python-headless", "mtcnn", "tensorflow", "keras")

Said = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Options:
    """`scene`: what the video of `seconds` shows; `large`: what memory is measured on; `folder`:
    where videos are kept."""

    seconds: float = option("of 720p", 60.0)
    rounds: int = option("how often both check it", 3)
    long: bool = option("memory of two hours of 1080p too", False)
    results: Path = results("pipeline")
    scene: Scene = Scene()
    large: Scene = Scene(1920, 1080, 10, faces=2, face_px=180, grain=4)
    folder: Path = WORK


def main(options: Options) -> None:
    """Measure, print, and write `options.results`. Raises Missing."""
    python = environments.lean()
    clip = replace(options.scene, seconds=options.seconds).file(options.folder)
    pair = ours(python, clip), Program(asked("plain_pipeline", clip))
    said = alternating(pair, options.rounds, events)
    comparisons = [*_compared(options.seconds, *said), *_memory(options, python)]
    versions = {name: version(name) for name in PACKAGES}
    report("pipeline", comparisons, line(options), versions, options.results)


def _compared(seconds: float, ours: list[Said], theirs: list[Said]) -> Iterator[Comparison]:
    for event, wanted in WANTED.items():
        for start in ("ready", None):
            our_s, their_s = _spans(ours, event, start), _spans(theirs, "answer", start)
            name = event if start else f"{event}-with-start"
            notes = {"times_real_time": f"{seconds / statistics.median(our_s):.1f}"}
            if name == "answer":
                notes |= _found(ours[0][name], theirs[0][name])
            yield Comparison(name, PEER, our_s, their_s, wanted, notes=notes)
    yield Comparison("processor-time", PEER, _cpu_s(ours), _cpu_s(theirs))


def _found(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, str]:
    return {
        **{f"our_{name}": ours[name] for name in ("pictures", "faces", "label", "p_fake")},
        **{f"their_{name}": theirs[name] for name in ("pictures", "faces", "label", "p_fake")},
        "our_stages_s": json.dumps({k: round(v, 3) for k, v in ours["timing_s"].items()}),
    }


def _cpu_s(said: list[Said]) -> list[float]:
    """From ready to the answer, on all cores: what else the machine does weighs little on it."""
    return [run["answer"]["cpu_s"] - run["ready"]["cpu_s"] for run in said]


def _spans(said: list[Said], event: str, start: str | None) -> list[float]:
    return [run[event]["at_s"] - (run[start]["at_s"] if start else 0.0) for run in said]


def _memory(options: Options, python: Path) -> Iterator[Comparison]:
    """Of ours alone, beside what it may take."""
    clips = {"memory-1080p": options.large.file(options.folder)}
    if options.long:
        hours = options.folder / "two-hours.mp4"
        clips["memory-long"] = repeated(clips["memory-1080p"], 720, hours)
    for name, clip in clips.items():
        peak = peak_mb(ours(python, clip))
        yield Comparison(name, "the limit", [peak], [MOST_MB], Wanted(1, most=True), "MB")


def ours(python: Path, clip: Path) -> Program:
    """One check by us, in the environment that the service gives it."""
    return Program(asked("our_pipeline", clip, python), ENVIRONMENT)


def asked(module: str, clip: Path, *python: Path) -> list[str]:
    """The command that has a peer check `clip`."""
    options = {"path": str(clip), "samples_per_s": SAMPLES_PER_S, "min_face_px": MIN_FACE_PX}
    return command(module, *python, **options, model=MODEL)
