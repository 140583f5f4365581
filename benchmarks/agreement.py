"""Does our cascade find the faces that the `mtcnn` package finds? Counted on frames of real clips.

Both look at the same frames at equal settings: faces from 20 px, the package's own thresholds. The
package has a defect at a smallest face of 30 to 80 px, where it raises or silently finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.compare import write
from benchmarks.machine import setting
from benchmarks.options import data, line, needed, option, results
from models.pyramid import SMALLEST_PX
from server.analysis import boxes
from server.analysis.faces import FaceFinder
from server.analysis.records import Faces, Float32, Uint8

PARTS = {"clips": "clips/*/*.mp4", "faceforensics": "faceforensics/**/*.mp4"}
PACKAGES = ("mtcnn", "tensorflow", "ai-edge-litert", "opencv-python-headless")
SAME_BOX_IOU = 0.9
NEAR_PX = 1.0
# What must hold, as fractions: see `Agreement`.
WANTED = {"same_count": 0.99, "matched": 0.99, "extra": 0.01, "landmarks_near": 0.98}


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was counted. Fractions: `same_count` of `frames`, `matched` and `extra` of `expected`,
    `landmarks_near` of `matched`."""

    frames: int = 0
    expected: int = 0  # faces that the package finds
    found: int = 0  # faces that we find
    same_count: int = 0  # frames on which both find as many
    matched: int = 0  # of the package's faces, those of ours at IoU of SAME_BOX_IOU or more
    extra: int = 0  # of our faces, those that match none
    landmarks_near: int = 0  # matched faces whose five landmarks lie within NEAR_PX, each

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def fractions(self) -> dict[str, float]:
        return {
            "same_count": self.same_count / max(1, self.frames),
            "matched": self.matched / max(1, self.expected),
            "extra": self.extra / max(1, self.expected),
            "landmarks_near": self.landmarks_near / max(1, self.matched),
        }

    def holds(self) -> bool:
        got = self.fractions()
        extra_ok = got["extra"] <= WANTED["extra"]
        return extra_ok and all(got[name] >= WANTED[name] for name in WANTED if name != "extra")


class Package:
    """The `mtcnn` package, with answers in our terms and not rounded to whole pixels."""

    def __init__(self) -> None:
        from mtcnn import MTCNN

        self._mtcnn = MTCNN()

    def find(self, rgb: Uint8) -> Faces:
        """Every face that the package reports at its default settings."""
        rows = self._mtcnn.detect_faces(rgb, box_format="xyxy", output_type="numpy")
        rows = np.asarray(rows, np.float32).reshape(-1, 16)
        marks = np.stack([rows[:, 6:11], rows[:, 11:16]], axis=2)
        return Faces(rows[:, 1:5], rows[:, 5], marks)


def pairs(expected: Float32, found: Float32, least_iou: float) -> list[tuple[int, int]]:
    """Rows of two sets of boxes that are the same face, each at most once, the best pair first."""
    overlap, same = boxes.iou(expected, found), []
    while overlap.size and overlap.max() >= least_iou:
        theirs, ours = np.unravel_index(overlap.argmax(), overlap.shape)
        same.append((int(theirs), int(ours)))
        overlap[theirs], overlap[:, ours] = -1, -1
    return same


def compare(found: Faces, expected: Faces) -> Agreement:
    """Pair the faces of one frame, those with the largest overlap first, and count."""
    same = pairs(expected.boxes, found.boxes, SAME_BOX_IOU)
    apart = [np.abs(expected.landmarks[a] - found.landmarks[b]).max() for a, b in same]
    return Agreement(
        frames=1,
        expected=len(expected),
        found=len(found),
        same_count=int(len(found) == len(expected)),
        matched=len(same),
        extra=len(found) - len(same),
        landmarks_near=sum(bool(px <= NEAR_PX) for px in apart),
    )


def frames(clip: Path, count: int) -> Iterator[Uint8]:
    """`count` frames of the clip, evenly spread, uint8 RGB [H, W, 3]."""
    with av.open(clip) as container:
        total = container.streams.video[0].frames
        wanted = {int((i + 0.5) * total / count) for i in range(count)}
        until_last = islice(container.decode(video=0), max(wanted) + 1)
        for index, frame in enumerate(until_last):
            if index in wanted:
                yield frame.to_ndarray(format="rgb24")


@dataclass(frozen=True, slots=True)
class Options:
    frames_per_clip: int = option("evenly spread", 4)
    data: Path = data()
    results: Path = results("agreement")


def main(options: Options) -> bool:
    """Measure, print, and write `options.results`. True if all that is WANTED holds.

    Raises Missing.
    """
    needed(options.data, "manifest.csv")
    cv2.setNumThreads(1)  # as in the service, whose worker sets it
    finder, package = FaceFinder(min_face_px=SMALLEST_PX), Package()
    counted = {}
    for part, pattern in PARTS.items():
        counted[part] = Agreement()
        for clip in sorted(options.data.glob(pattern)):
            for rgb in frames(clip, options.frames_per_clip):
                counted[part] += compare(finder.find(rgb), package.find(rgb))
            print(f"{clip.relative_to(options.data)}: {_sentence(counted[part])}", flush=True)
    counted["all"] = sum(counted.values(), Agreement())
    for part, agreement in counted.items():
        print(f"{part}: {_sentence(agreement)}")
    about = setting(line(options), PACKAGES)
    rows = [{"part": part, **asdict(agreement)} for part, agreement in counted.items()]
    write(rows, about, options.results)
    holds = counted["all"].holds()
    print("holds" if holds else f"does not hold: wanted {WANTED}")
    return holds


def _sentence(agreement: Agreement) -> str:
    shown = ", ".join(f"{name} {value:.4f}" for name, value in agreement.fractions().items())
    return f"{agreement.frames} frames, {agreement.expected} faces: {shown}"
