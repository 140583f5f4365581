"""How long finding the faces of some pictures takes, beside the mtcnn package and facenet-pytorch.

The same pictures, thresholds and smallest face on every side, and the exact pyramid on ours. Faces
from 20 px: with a smallest face of 30 to 80 px the mtcnn package has a defect. Beside it both use
all cores, we as the service does, each picture in a thread; beside facenet-pytorch both one thread.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.agreement import pairs
from benchmarks.compare import Comparison, Wanted, in_turn, report
from benchmarks.options import Missing, data, line, option, results
from benchmarks.peers import environments
from benchmarks.peers.side import Side, Timed
from benchmarks.pictures import fit, saved, stills, video
from models.pyramid import SMALLEST_PX
from server.analysis.records import Float32
from server.config import Settings

SIZES = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080)}
THRESHOLDS = (0.6, 0.7, 0.8)
MTCNN, FACENET = "mtcnn", "facenet-pytorch"
OURS = {MTCNN: "ours on all cores", FACENET: "ours in one thread"}  # by who it is beside
SAME_BOX_IOU = {MTCNN: 0.9, FACENET: 0.5}  # facenet-pytorch's pyramid and rounding differ


@dataclass(frozen=True, slots=True)
class Case:
    pictures: str  # "stills" or "video"
    size: str
    wanted: dict[str, float]  # by peer: how many times faster

    @property
    def name(self) -> str:
        return f"{self.pictures}-{self.size}"


CASES = (
    Case("stills", "360p", {MTCNN: 7, FACENET: 4}),
    Case("stills", "720p", {MTCNN: 6, FACENET: 4}),
    Case("stills", "1080p", {MTCNN: 6}),
    Case("video", "720p", {MTCNN: 4}),
)
NAMES = tuple(case.name for case in CASES)


@dataclass(frozen=True, slots=True)
class Options:
    pictures: int = option("for each case", 6)
    rounds: int = option("how often each case is measured", 3)
    only: tuple[str, ...] = option("cases", (), choices=NAMES)
    data: Path = data()
    results: Path = results("detector")


def main(options: Options) -> None:
    """Measure, print, and write `options.results`."""
    comparisons = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mesoscope-faces-")))
        cases = [case for case in CASES if case.name in (options.only or NAMES)]
        sides = [stack.enter_context(side) for side in list(_sides(cases))]
        for case in cases:
            source = stills if case.pictures == "stills" else video
            pictures = [
                fit(rgb, SIZES[case.size]) for rgb in source(options.data, options.pictures)
            ]
            paths = saved([np.stack(pictures)], folder, case.name)
            asked = [side for side in sides if side.name in {*OURS.values(), *case.wanted}]
            answers = in_turn([(side, paths) for side in asked], options.rounds)
            calls = {side.name: by_path[0] for side, by_path in zip(asked, answers, strict=True)}
            for peer in (name for name in case.wanted if name in calls):
                comparisons.append(_compared(case, peer, calls[OURS[peer]], calls[peer]))
        versions = {name: v for side in sides for name, v in side.versions.items()}
    report("detector", comparisons, line(options), versions, options.results)


def _sides(cases: Collection[Case]) -> Iterator[Side]:
    """We, on all cores and in one thread, and the peers that are here and wanted."""
    settings = {"min_face_px": SMALLEST_PX, "thresholds": THRESHOLDS}
    yield Side("our_faces", name=OURS[MTCNN], threads=Settings().cores, **settings)
    yield Side("our_faces", name=OURS[FACENET], threads=1, **settings)
    wanted = {peer for case in cases for peer in case.wanted}
    if MTCNN in wanted:
        yield Side("mtcnn_faces", name=MTCNN, **settings)
    if FACENET in wanted:
        try:
            python = environments.python("facenet")
        except Missing as missing:
            print(missing)
        else:
            yield Side("facenet_faces", python, name=FACENET, **settings)


def _compared(case: Case, peer: str, calls: list[Timed], others: list[Timed]) -> Comparison:
    found = [_boxes(picture) for picture in calls[0].answer]
    expected = [_boxes(picture) for picture in others[0].answer]
    both = zip(expected, found, strict=True)
    same = sum(len(pairs(theirs, ours, SAME_BOX_IOU[peer])) for theirs, ours in both)
    return Comparison(
        f"{case.name}-{peer}",
        peer,
        _each(calls),
        _each(others),
        Wanted(case.wanted[peer]),
        notes={
            "our_faces": sum(map(len, found)),
            "their_faces": sum(map(len, expected)),
            "same_faces": same,
        },
    )


def _each(calls: list[Timed]) -> list[float]:
    """Seconds a picture."""
    return [call.seconds / len(call.answer) for call in calls]


def _boxes(answer: list[list[float]]) -> Float32:
    return np.asarray(answer, np.float32).reshape(-1, 4)
