"""How long reading a video takes, with RGB pictures at a given rate, beside usual ways."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.clip import Scene
from benchmarks.compare import Comparison, in_turn, report, seconds
from benchmarks.options import WORK, line, option, results
from benchmarks.peers.side import Side, Timed
from benchmarks.pictures import SAMPLES_PER_S

PEERS = {
    "opencv": "OpenCV reading everything",
    "opencv-seeking": "OpenCV seeking each picture",
    "pyav": "PyAV decoding everything",
}


@dataclass(frozen=True, slots=True)
class Options:
    """`scene`: what the video of `seconds` shows; `folder`: where it is kept."""

    seconds: float = option("of 720p", 60.0)
    rounds: int = option("how often it is read", 5)
    results: Path = results("decode")
    scene: Scene = Scene()
    folder: Path = WORK


def main(options: Options) -> None:
    """Measure, print, and write `options.results`."""
    clip = replace(options.scene, seconds=options.seconds).file(options.folder)
    with ExitStack() as stack:
        sides = [
            stack.enter_context(side)
            for side in [
                Side("decoder", way=way, samples_per_s=SAMPLES_PER_S) for way in ("ours", *PEERS)
            ]
        ]
        answers = in_turn([(side, [clip]) for side in sides], options.rounds)
        versions = sides[0].versions
    ours, *others = answers
    comparisons = [
        Comparison(
            name, peer, seconds(ours), seconds(theirs), notes=_notes(options.seconds, ours, theirs)
        )
        for (name, peer), theirs in zip(PEERS.items(), others, strict=True)
    ]
    report("decode", comparisons, line(options), versions, options.results)


def _notes(lasts_s: float, ours: list[list[Timed]], theirs: list[list[Timed]]) -> dict[str, object]:
    """How many pictures each gave, and how far in time two of the same number lie apart at most."""
    our_s, their_s = ours[0][0].answer, theirs[0][0].answer
    apart_s = max(abs(a - b) for a, b in zip(our_s, their_s, strict=False))
    return {
        "our_pictures": len(our_s),
        "their_pictures": len(their_s),
        "apart_s": f"{apart_s:.3f}",
        "times_real_time": f"{lasts_s / statistics.median(seconds(ours)):.1f}",
    }
