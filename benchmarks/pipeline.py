"""How long checking a whole video takes, beside what is usually built, and how much memory.

Each check is a process of its own: ours, and OpenCV with the mtcnn package and Keras' predict of
the same network. `answer` and `tentative` count from when networks are loaded, as in a running
service, `-with-start` from when the process was started.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.compare import Comparison, Wanted, report
from benchmarks.peers.side import command
from benchmarks.pictures import SAMPLES_PER_S
from benchmarks.processes import Program, events, peak_mb
from server.processes.protocol import ENVIRONMENT

MIN_FACE_PX = 40
PEER = "OpenCV, mtcnn, Keras predict"
WANTED = {"answer": Wanted(12), "tentative": Wanted(40)}
MOST_MB = 250.0
PACKAGES = ("ai-edge-litert", "av", "opencv-python-headless", "mtcnn", "tensorflow", "keras")

Said = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Order:
    """`clip` lasts `seconds` and is checked `rounds` times by both; memory is measured on `large`,
    and on `long` if given. `python`: the interpreter of ours."""

    clip: Path
    seconds: float
    rounds: int
    large: Path
    long: Path | None
    python: Path

    def command(self) -> str:
        parts = ["python -m benchmarks pipeline", f"--seconds {self.seconds:g}"]
        return " ".join([*parts, f"--rounds {self.rounds}", *["--long"] * (self.long is not None)])


def main(order: Order, results: Path) -> None:
    """Measure, print, and write `results`."""
    ours, theirs = _in_turn(order)
    comparisons = [*_compared(order, ours, theirs), *_memory(order)]
    versions = {name: version(name) for name in PACKAGES}
    report("pipeline", comparisons, order.command(), versions, results)


def _in_turn(order: Order) -> tuple[list[Said], list[Said]]:
    plain = Program(_asked("plain_pipeline", order.clip))
    programs = [ours(order.python, order.clip), plain]
    said: tuple[list[Said], list[Said]] = [], []
    for round_ in range(order.rounds):
        for side in ((0, 1), (1, 0))[round_ % 2]:
            said[side].append(events(programs[side]))
    return said


def _compared(order: Order, ours: list[Said], theirs: list[Said]) -> Iterator[Comparison]:
    for event, wanted in WANTED.items():
        for start in ("ready", None):
            our_s, their_s = _spans(ours, event, start), _spans(theirs, "answer", start)
            name = event if start else f"{event}-with-start"
            notes = {"times_real_time": f"{order.seconds / statistics.median(our_s):.1f}"}
            if name == "answer":
                notes |= _found(ours[0][name], theirs[0][name])
            yield Comparison(name, PEER, our_s, their_s, wanted, notes=notes)


def _found(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, str]:
    return {
        **{f"our_{name}": ours[name] for name in ("pictures", "faces", "label", "p_fake")},
        **{f"their_{name}": theirs[name] for name in ("pictures", "faces", "label", "p_fake")},
        "our_stages_s": json.dumps({k: round(v, 3) for k, v in ours["timing_s"].items()}),
    }


def _spans(said: list[Said], event: str, start: str | None) -> list[float]:
    return [run[event]["at_s"] - (run[start]["at_s"] if start else 0.0) for run in said]


def _memory(order: Order) -> Iterator[Comparison]:
    """Of ours alone, beside what it may take."""
    for name, clip in (("memory-1080p", order.large), ("memory-long", order.long)):
        if clip is not None:
            peak = peak_mb(ours(order.python, clip))
            yield Comparison(name, "the limit", [peak], [MOST_MB], Wanted(1, most=True), "MB")


def ours(python: Path, clip: Path) -> Program:
    """One check by us, in the environment that the service gives it."""
    return Program(_asked("our_pipeline", clip, python), ENVIRONMENT)


def _asked(module: str, clip: Path, *python: Path) -> list[str]:
    options = {"path": str(clip), "samples_per_s": SAMPLES_PER_S, "min_face_px": MIN_FACE_PX}
    return command(module, *python, **options)
