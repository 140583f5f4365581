"""Whether a verdict survives the way of a file: clips judged again after they were encoded anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from convert.dataset import VIDEOS
from server.analysis.analyze import Analyzer
from server.analysis.likelihood import STRENGTHS, support
from server.analysis.records import Frame, MediaFile, Verdict
from server.analysis.video import MediaReader
from server.errors import AppError
from server.terms import AnalysisOptions, Level, MediaLabel
from training.data import tables
from training.data.codecs import REPEATABLE
from training.evaluate.scored import Row

EVERY_FRAME = 1_000_000  # more of them a second, and in all, than any clip has
PRESET = "veryfast"  # of x264: as a site in a hurry encodes
CLOCK = 90_000  # ticks a second
MOST_STEPS = 1  # by which `support` may change

# How each clip is encoded anew: by its constant rate factor and the share of its size that is left.
TREATMENTS: dict[str, tuple[int, float]] = {
    "H.264 CRF 23": (23, 1.0),
    "H.264 CRF 28": (28, 1.0),
    "H.264 CRF 34": (34, 1.0),
    "half the size, CRF 23": (23, 0.5),
}


@dataclass(frozen=True, slots=True)
class Told:
    """The verdict of one clip: where its support lies on the scale of place(), and its level."""

    place: int
    level: Level | MediaLabel


@dataclass(frozen=True, slots=True)
class Change:
    """A clip, how it was encoded anew, and its verdicts before and after."""

    clip: str
    treatment: str
    before: Told
    after: Told

    @property
    def steps(self) -> int:
        return abs(self.after.place - self.before.place)


def place(lr: float | None) -> int:
    """Where the support of an LR lies: 0 for none, 1 for weak support for "manipulated", -1 for
    weak support for "genuine", and so on. What could not be judged has no support."""
    found = support(1.0 if lr is None else lr)
    side = -1 if found.direction == "genuine" else 1
    return side * STRENGTHS.index(found.strength)


def clips_in(sources: Iterable[Path]) -> list[Path]:
    """The videos among `sources` and in its folders. Raises ValueError where there is none."""
    found: list[Path] = []
    for source in sources:
        inside = sorted(source.rglob("*")) if source.is_dir() else [source]
        found += [path for path in inside if path.suffix.lower() in VIDEOS]
    if not found:
        raise ValueError("no video is there: name videos, or folders that hold some")
    return found


def changes(model: str, clips: Iterable[Path], seconds: float | None = None) -> Iterator[Change]:
    """Each clip with a face, or its first `seconds`, after each treatment.

    Raises ValueError, with the clip's name, for what cannot be checked.
    """
    analyzer = Analyzer(AnalysisOptions(model=model, explain=False, end_s=seconds))
    for clip in clips:
        try:
            before = _told(analyzer.analyze(MediaFile(clip)))
            if before.level == "no-face":
                continue
            for treatment, how in TREATMENTS.items():
                with tempfile.TemporaryDirectory() as folder:
                    again = encoded(clip, Path(folder) / "again.mp4", *how, seconds)
                    after = _told(analyzer.analyze(MediaFile(again)))
                yield Change(clip.name, treatment, before, after)
        except AppError as error:
            raise ValueError(f"{clip}: {error.title}. {error.detail}") from error


def _told(verdict: Verdict) -> Told:
    lr = verdict.ratio.lr if verdict.ratio else None
    return Told(place(lr), verdict.level or verdict.label)


def encoded(
    clip: Path, path: Path, crf: int, scale: float = 1.0, seconds: float | None = None
) -> Path:
    """Write every picture of `clip`, or of its first `seconds`, into `path`: as H.264 of that
    constant rate factor, its sides times `scale`, at the times that it had."""
    with MediaReader(clip) as reader, av.open(path, "w") as file:
        stream = file.add_stream(
            "libx264", options={"crf": str(crf), "preset": PRESET, **REPEATABLE}
        )
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, CLOCK)
        stream.codec_context.time_base = stream.time_base
        for frame in reader.frames(EVERY_FRAME, EVERY_FRAME, 0.0, seconds):
            picture = _scaled(frame, scale)
            if not frame.index:
                stream.height, stream.width = picture.shape[:2]
            given = av.VideoFrame.from_ndarray(picture, format="rgb24")
            given.pts, given.time_base = round(frame.time_s * CLOCK), stream.time_base
            file.mux(stream.encode(given))
        file.mux(stream.encode(None))
    return path


def _scaled(frame: Frame, scale: float) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """uint8 RGB with even sides: H.264 halves the colours."""
    height, width = (max(2, round(side * scale) // 2 * 2) for side in frame.rgb.shape[:2])
    if scale == 1:
        return np.ascontiguousarray(frame.rgb[:height, :width])
    small = cv2.resize(frame.rgb, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def table(found: list[Change]) -> list[Row]:
    """A line for each treatment, and one for all: how many clips keep their support, how many move
    by one step or by more, and of how many the level changes."""
    rows = [_row(name, [c for c in found if c.treatment == name]) for name in TREATMENTS]
    return [*rows, _row("all", found)]


def _row(name: str, found: list[Change]) -> Row:
    more = sum(change.steps > MOST_STEPS for change in found)
    return {
        "treatment": name,
        "clips": len(found),
        "same_support": sum(change.steps == 0 for change in found),
        "one_step": sum(change.steps == 1 for change in found),
        "more_steps": more,
        "share_of_more": round(more / len(found), 4) if found else "",
        "other_level": sum(c.before.level != c.after.level for c in found),
    }


def write(model: str, found: list[Change], path: Path) -> None:
    """The table as CSV, a row for each treatment of `model`."""
    rows = [{"model": model, **row} for row in table(found)]
    tables.write(path, rows, rows[0])
