"""The types that flow between the stages, in the order in which a frame meets them.

Pixels everywhere: boxes are float32 xyxy in pixels of the upright full frame; pictures are uint8
RGB, channels last. Times are media seconds (the container's timestamps). Shapes and dtypes are
checked on construction, so that a stage may trust what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.registry import Likelihood, Rates
from server.terms import (
    AnalysisOptions,
    Direction,
    Label,
    Level,
    MediaKind,
    MediaLabel,
    PictureKind,
    Reason,
    Stage,
    Strength,
)

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def _require(name: str, array: NDArray[Any], dtype: type, shape: tuple[int | None, ...]) -> None:
    """Raise ValueError unless `array` has `dtype` and `shape` (None: any length)."""
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if array.dtype != dtype or not fits:
        raise ValueError(
            f"{name} must be {np.dtype(dtype)} {shape}, not {array.dtype} {array.shape}"
        )


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file on disk. `sha256` is empty where nobody has hashed it yet.

    `cut_short`: the download stopped at the size limit; the file holds the beginning only.
    """

    path: Path
    sha256: str = ""
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """The container's facts, after rotation. `duration_s` is 0 for a still image."""

    kind: MediaKind
    width_px: int
    height_px: int
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture; `rgb` is uint8 [H, W, 3], upright."""

    index: int
    time_s: float
    rgb: Uint8

    def __post_init__(self) -> None:
        _require("Frame.rgb", self.rgb, np.uint8, (None, None, 3))


@dataclass(frozen=True, slots=True)
class Faces:
    """The N faces of one frame, best first.

    boxes float32 [N, 4] xyxy px; scores float32 [N] in 0..1; landmarks float32 [N, 5, 2] px in the
    order left eye, right eye, nose, left mouth corner, right mouth corner (left as in the picture).
    """

    boxes: Float32
    scores: Float32
    landmarks: Float32

    def __post_init__(self) -> None:
        n = len(self.boxes)
        _require("Faces.boxes", self.boxes, np.float32, (n, 4))
        _require("Faces.scores", self.scores, np.float32, (n,))
        _require("Faces.landmarks", self.landmarks, np.float32, (n, 5, 2))

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> Faces:
        return cls(
            np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32)
        )


@dataclass(frozen=True, slots=True)
class Track:
    """One person over the clip: where they were at T moments, and the K crops worth scoring.

    times_s float64 [T] ascending; boxes float32 [T, 4] px; crops uint8 [K, S, S, 3] in time order;
    crop_times_s float64 [K]; quality float32 [K] in 0..1 (size, sharpness and frontal pose
    together); sharpness, frontality float32 [K] in 0..1, kept apart for the verdict's reasons;
    sizes_px float32 [K], the longer side of the face box in the full frame.
    """

    id: int
    times_s: Float64
    boxes: Float32
    crops: Uint8
    crop_times_s: Float64
    quality: Float32
    sharpness: Float32
    frontality: Float32
    sizes_px: Float32

    def __post_init__(self) -> None:
        t, k = len(self.times_s), len(self.crops)
        _require("Track.times_s", self.times_s, np.float64, (t,))
        _require("Track.boxes", self.boxes, np.float32, (t, 4))
        _require("Track.crops", self.crops, np.uint8, (k, None, None, 3))
        _require("Track.crop_times_s", self.crop_times_s, np.float64, (k,))
        for name in ("quality", "sharpness", "frontality", "sizes_px"):
            _require(f"Track.{name}", getattr(self, name), np.float32, (k,))


@dataclass(frozen=True, slots=True)
class TrackScores:
    """Calibrated P(fake), float32 [K] in 0..1, one per crop of the track."""

    track_id: int
    p_fake: Float32

    def __post_init__(self) -> None:
        _require("TrackScores.p_fake", self.p_fake, np.float32, (None,))


@dataclass(frozen=True, slots=True)
class Sample:
    """A face at one moment; `box` float32 [4] px; `p_fake` None where the crop was not scored."""

    time_s: float
    box: Float32
    p_fake: float | None


@dataclass(frozen=True, slots=True)
class Moment:
    """When a face looked most manipulated; `regions` None where no evidence map is shown."""

    time_s: float
    p_fake: float
    regions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class FacePicture:
    """A face cut out at one of its moments, as JPEG; `moment` counts from 0, the strongest.

    Of kind "frame" it is the whole picture of that moment, small.
    """

    face_id: int
    moment: int
    kind: PictureKind
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Support:
    """Which proposition the evidence supports, and how strongly; "none" has no direction."""

    direction: Direction | None
    strength: Strength


@dataclass(frozen=True, slots=True)
class Ratio:
    """A likelihood ratio of "manipulated" to "genuine", within the bounds of its model.

    `log` is ln LR before the bounds and `error` its standard error: thresholds lie on it, nobody is
    shown it. Raises ValueError where a value lies outside of `bounds`.
    """

    log: float
    error: float
    lr: float
    interval: tuple[float, float]
    bounds: tuple[float, float]

    def __post_init__(self) -> None:
        low, high = self.bounds
        if not all(low <= value <= high for value in (self.lr, *self.interval)):
            raise ValueError(f"an LR of {self.lr} is beyond what its people carry: {self.bounds}")


@dataclass(frozen=True, slots=True)
class FaceVerdict:
    """The judgement of one person. `p_fake` and `interval` are None where nothing was scored,
    `ratio` also where the network has no likelihood ratio.

    `moments`, at most three, are the strongest of those that the judgement rests on, `crops` how
    many it rests on; `scores`: the mean P(fake) of these by the name of each network. `stretch_s`:
    from when to when they look more manipulated than in the rest, where scores disagree.
    """

    id: int
    label: Label
    p_fake: float | None
    interval: tuple[float, float] | None
    reasons: tuple[Reason, ...]
    start_s: float
    end_s: float
    samples: tuple[Sample, ...]
    moments: tuple[Moment, ...] = ()
    level: Level = "inconclusive"
    ratio: Ratio | None = None
    crops: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    stretch_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ModelUse:
    """Which model judged, on what, and from where on it calls a face fake or real.

    `rates`: how often it is right and wrong at that, None where that was not measured, and so
    `likelihood`.
    """

    name: str
    sha256: str
    backend: str
    fake_at: float
    real_at: float
    rates: Rates | None = None
    likelihood: Likelihood | None = None


@dataclass(frozen=True, slots=True)
class DetectorUse:
    """Which networks found the faces; the SHA-256 is of all their files together."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one media file: the worst face decides; no face is an answer of its own.

    `pictures` come beside the JSON, not in it.
    """

    label: MediaLabel
    p_fake: float | None
    reasons: tuple[Reason, ...]
    media: MediaInfo
    media_sha256: str
    analyzed_s: tuple[float, float]
    sampled_s: tuple[float, ...]
    faces: tuple[FaceVerdict, ...]
    model: ModelUse
    detector: DetectorUse
    options: AnalysisOptions
    versions: dict[str, str] = field(default_factory=dict)
    timing_s: dict[str, float] = field(default_factory=dict)
    pictures: tuple[FacePicture, ...] = ()
    level: Level | None = None
    ratio: Ratio | None = None
    stretch_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check has come. `partial` holds the verdict so far, in its JSON form."""

    stage: Stage
    fraction: float
    partial: dict[str, Any] | None = None
