"""The shape of a verdict, as pydantic models; server/analysis/verdict.py writes it.

The contract is tests/contract/verdict-1.schema.json, which these models must agree with.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Label = Literal["fake", "real", "inconclusive"]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Sample(BaseModel):
    """A face at one moment; `box` is x, y, width, height as fractions of the upright picture."""

    t: float
    box: Annotated[list[float], Field(min_length=4, max_length=4)]
    p_fake: Fraction | None


class Moment(BaseModel):
    """When a face looked most manipulated; `regions` says where in it, null where that is not
    known. Its picture: /jobs/ID/faces/FACE.jpg?moment=N, counting from 0."""

    t: float
    p_fake: Fraction
    regions: list[str] | None


class Face(BaseModel):
    """One person, from when to when, and what was found."""

    id: int
    label: Label
    p_fake: Fraction | None
    interval: Annotated[list[Fraction], Field(min_length=2, max_length=2)] | None
    reasons: list[str]
    start_s: float
    end_s: float
    samples: list[Sample]
    moments: Annotated[list[Moment], Field(max_length=3)]


class Media(BaseModel):
    """What was looked at; times in seconds of the media."""

    kind: Literal["video", "image"]
    sha256: str
    width_px: int
    height_px: int
    duration_s: float | None
    analyzed_s: Annotated[list[float], Field(min_length=2, max_length=2)]
    sampled_s: list[float]


class Rates(BaseModel):
    """Of fakes and of reals, the share that the model calls fake, measured on `part`."""

    flags_fake: Fraction
    flags_real: Fraction
    part: str


class Model(BaseModel):
    """Which model judged, and from where on it calls a face fake or real."""

    name: str
    sha256: str
    backend: str
    fake_at: Fraction
    real_at: Fraction
    rates: Rates | None


class Detector(BaseModel):
    """Which networks found the faces; one SHA-256 for all their files."""

    name: str
    sha256: str


class Options(BaseModel):
    """What was asked for; with these the check can be repeated."""

    samples_per_s: Annotated[float, Field(gt=0)]
    max_samples: Annotated[int, Field(ge=1)]
    min_face_px: Annotated[int, Field(ge=1)]
    max_crops: Annotated[int, Field(ge=1)]
    model: str
    start_s: Annotated[float, Field(ge=0)]
    end_s: float | None
    explain: bool
    stop_early: bool


class Verdict(BaseModel):
    """The answer: one entry per face; the worst face decides. Unknown values are null."""

    model_config = ConfigDict(json_schema_extra={"title": "Verdict"})
    schema_version: Annotated[int, Field(alias="schema")]
    label: Literal["fake", "real", "inconclusive", "no-face"]
    p_fake: Fraction | None
    reasons: list[str]
    media: Media
    faces: list[Face]
    model: Model
    detector: Detector
    options: Options
    versions: dict[str, str]
    timing_s: dict[str, float]
