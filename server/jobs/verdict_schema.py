"""The shape of a verdict, as pydantic models; server/analysis/verdict.py writes it.

The contract is tests/contract/verdict-1.schema.json, which these models must agree with.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from server.analysis.provenance.records import (
    MOST_DECLARATIONS,
    MOST_PROBLEMS,
    NAME_LENGTH,
    Claim,
    Seal,
    Source,
    State,
)

Label = Literal["fake", "real", "inconclusive"]
Fraction = Annotated[float, Field(ge=0, le=1)]


def _encodable(text: str) -> str:
    """Raise ValueError for half a surrogate pair, which JSON can name and UTF-8 cannot."""
    text.encode()
    return text


Text = Annotated[str, AfterValidator(_encodable)]
Name = Annotated[Text, Field(max_length=NAME_LENGTH)]


class Shape(BaseModel):
    """What all of them share: no number that JSON has none for."""

    model_config = ConfigDict(allow_inf_nan=False)


class Sample(Shape):
    """A face at one moment; `box` is x, y, width, height as fractions of the upright picture."""

    t: float
    box: Annotated[list[float], Field(min_length=4, max_length=4)]
    p_fake: Fraction | None


class Moment(Shape):
    """When a face looked most manipulated; `regions` says where in it, null where that is not
    known. Its picture: /jobs/ID/faces/FACE.jpg?moment=N, counting from 0."""

    t: float
    p_fake: Fraction
    regions: list[Text] | None


class Face(Shape):
    """One person, from when to when, and what was found."""

    id: int
    label: Label
    p_fake: Fraction | None
    interval: Annotated[list[Fraction], Field(min_length=2, max_length=2)] | None
    reasons: list[Text]
    start_s: float
    end_s: float
    samples: list[Sample]
    moments: Annotated[list[Moment], Field(max_length=3)]


class Media(Shape):
    """What was looked at; times in seconds of the media."""

    kind: Literal["video", "image"]
    sha256: Text
    width_px: int
    height_px: int
    duration_s: float | None
    analyzed_s: Annotated[list[float], Field(min_length=2, max_length=2)]
    sampled_s: list[float]


class Rates(Shape):
    """Of fakes and of reals, the share that the model calls fake, measured on `part`."""

    flags_fake: Fraction
    flags_real: Fraction
    part: Text


class Model(Shape):
    """Which model judged, and from where on it calls a face fake or real."""

    name: Text
    sha256: Text
    backend: Text
    fake_at: Fraction
    real_at: Fraction
    rates: Rates | None


class Detector(Shape):
    """Which networks found the faces; one SHA-256 for all their files."""

    name: Text
    sha256: Text


class Options(Shape):
    """What was asked for; with these the check can be repeated."""

    samples_per_s: Annotated[float, Field(gt=0)]
    max_samples: Annotated[int, Field(ge=1)]
    min_face_px: Annotated[int, Field(ge=1)]
    max_crops: Annotated[int, Field(ge=1)]
    model: Text
    start_s: Annotated[float, Field(ge=0)]
    end_s: float | None
    explain: bool
    stop_early: bool


class Declaration(Shape):
    """One statement of the file about itself: in what form, what it claims of the origin (nothing,
    if empty), the tool it names; of Content Credentials how far their seal holds, who signed, and
    the specification's codes for what is wrong."""

    source: Source
    claims: list[Claim]
    by: Name | None
    seal: Seal | None
    signer: Name | None
    problems: Annotated[list[Name], Field(max_length=MOST_PROBLEMS)]


class Provenance(Shape):
    """What the file says of its own origin. No part of the verdict: it is declared, not seen."""

    state: State
    declarations: Annotated[list[Declaration], Field(max_length=MOST_DECLARATIONS)]


class Verdict(Shape):
    """The answer: one entry per face; the worst face decides. Unknown values are null."""

    model_config = ConfigDict(allow_inf_nan=False, json_schema_extra={"title": "Verdict"})
    schema_version: Annotated[int, Field(alias="schema")]
    label: Literal["fake", "real", "inconclusive", "no-face"]
    p_fake: Fraction | None
    reasons: list[Text]
    media: Media
    faces: list[Face]
    model: Model
    detector: Detector
    options: Options
    versions: dict[Text, Text]
    timing_s: dict[Text, float]
    provenance: Provenance | None = None  # of a verdict that was made before there was any
