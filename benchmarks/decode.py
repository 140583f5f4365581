"""How long reading a video takes, with so many pictures a second as RGB, beside usual ways."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compare import Comparison, in_turn, report, seconds
from benchmarks.peers.side import Side, Timed
from benchmarks.pictures import SAMPLES_PER_S

PEERS = {
    "opencv": "OpenCV reading everything",
    "opencv-seeking": "OpenCV seeking each picture",
    "pyav": "PyAV decoding everything",
}


@dataclass(frozen=True, slots=True)
class Order:
    """The video, how many seconds it lasts, and how often it is read."""

    clip: Path
    seconds: float
    rounds: int

    def command(self) -> str:
        return f"python -m benchmarks decode --seconds {self.seconds:g} --rounds {self.rounds}"


def main(order: Order, results: Path) -> None:
    """Measure, print, and write `results`."""
    with ExitStack() as stack:
        sides = [
            stack.enter_context(side)
            for side in [
                Side("decoder", way=way, samples_per_s=SAMPLES_PER_S) for way in ("ours", *PEERS)
            ]
        ]
        answers = in_turn([(side, [order.clip]) for side in sides], order.rounds)
        versions = sides[0].versions
    ours, *others = answers
    comparisons = [
        Comparison(name, peer, seconds(ours), seconds(theirs), notes=_notes(order, ours, theirs))
        for (name, peer), theirs in zip(PEERS.items(), others, strict=True)
    ]
    report("decode", comparisons, order.command(), versions, results)


def _notes(order: Order, ours: list[list[Timed]], theirs: list[list[Timed]]) -> dict[str, object]:
    """How many pictures each gave, and how far in time two of the same number lie apart at most."""
    our_s, their_s = ours[0][0].answer, theirs[0][0].answer
    apart_s = max(abs(a - b) for a, b in zip(our_s, their_s, strict=False))
    return {
        "our_pictures": len(our_s),
        "their_pictures": len(their_s),
        "apart_s": f"{apart_s:.3f}",
        "times_real_time": f"{order.seconds / statistics.median(seconds(ours)):.1f}",
    }
