"""Does speed change what is said? Whole checks of clips by us, and the slow and sure way.

The slow way has the same sampling, tracks and rules, but decodes every picture, finds faces with
the mtcnn package, judges with Keras in float32, and looks at everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.agreement import Package
from benchmarks.backends import clips
from benchmarks.compare import write
from benchmarks.machine import setting
from benchmarks.options import data, line, option, results
from models.pyramid import SMALLEST_PX
from server.analysis.analyze import Analyzer
from server.analysis.cascade import shrink
from server.analysis.faces import FaceFinder, at_least
from server.analysis.records import Faces, MediaFile, Uint8, Verdict
from server.analysis.scoring import Scorer
from server.analysis.video import source
from server.config import Settings
from server.gpu.keras import KerasNetworks
from server.terms import AnalysisOptions


@dataclass(frozen=True, slots=True)
class Row:
    """One clip. Of people by order of appearance: their labels, and the largest difference of
    P(fake)."""

    clip: str
    our_label: str
    their_label: str
    our_people: str
    their_people: str
    dp: float
    our_s: float
    their_s: float

    @property
    def holds(self) -> bool:
        return (self.our_label, self.our_people) == (self.their_label, self.their_people)


class PackageFinder(FaceFinder):
    """Faces of the mtcnn package, in a picture as small as we look at."""

    def __init__(self, min_face_px: int) -> None:
        super().__init__(min_face_px)
        self._package = Package()

    def find(self, rgb: Uint8, least_px: float = 0.0) -> Faces:
        del least_px  # the package looks for all
        small = shrink(rgb, SMALLEST_PX / self._min_face_px).astype(np.uint8)
        faces = self._package.find(small)
        scale = np.array([rgb.shape[1] / small.shape[1], rgb.shape[0] / small.shape[0]], np.float32)
        edge = np.array([rgb.shape[1] - 1, rgb.shape[0] - 1] * 2, np.float32)
        boxes = np.clip(faces.boxes * np.tile(scale, 2), 0, edge)
        return at_least(Faces(boxes, faces.scores, faces.landmarks * scale), self._min_face_px)


@contextmanager
def every_picture_decoded() -> Iterator[None]:
    with patch.object(source, "SKIP_FROM", float("inf")):
        yield


def slow(options: AnalysisOptions) -> Analyzer:
    """Raises ModelError where Keras is missing."""
    analyzer = Analyzer(replace(options, stop_early=False))
    analyzer._finder = PackageFinder(options.min_face_px)
    analyzer._scorers.deciding = Scorer(options.model, KerasNetworks())
    return analyzer


def compared(clip: str, ours: Verdict, theirs: Verdict) -> Row:
    p_fakes = [
        [np.nan if face.p_fake is None else face.p_fake for face in verdict.faces]
        for verdict in (ours, theirs)
    ]
    apart = [abs(a - b) for a, b in zip(*p_fakes, strict=False) if not np.isnan([a, b]).all()]
    labels = [" ".join(face.label for face in verdict.faces) for verdict in (ours, theirs)]
    spent = [round(verdict.timing_s["total"], 2) for verdict in (ours, theirs)]
    dp = round(float(max(apart, default=0.0)), 4)
    return Row(clip, ours.label, theirs.label, *labels, dp, *spent)


@dataclass(frozen=True, slots=True)
class Options:
    clips: tuple[str, ...] = option("names; all if not given", ())
    data: Path = data()
    results: Path = results("labels")


def main(options: Options) -> bool:
    """Measure, print, and write `options.results`. True if every clip and person is called the
    same. Raises Missing."""
    asked = AnalysisOptions(explain=False, model="meso3")
    fast, sure = Analyzer(asked, threads=Settings().cores), slow(asked)
    done = []
    for path in clips(options.data, options.clips):
        media = MediaFile(path)
        ours = fast.analyze(media)
        with every_picture_decoded():
            theirs = sure.analyze(media)
        row = compared(path.stem, ours, theirs)
        done.append(row)
        print(
            f"{row.clip}: {row.our_label} ({row.our_people}) in {row.our_s:g} s, slow way "
            f"{row.their_label} ({row.their_people}) in {row.their_s:g} s, dp {row.dp:.4f}"
            f"{'' if row.holds else ', DIFFERS'}",
            flush=True,
        )
    same = sum(row.holds for row in done)
    print(f"labels same={same} of={len(done)} largest-dp={max(row.dp for row in done):.4f}")
    about = setting(line(options), ("mtcnn", "keras", "ai-edge-litert", "av"))
    write([asdict(row) for row in done], about, options.results)
    return same == len(done)
