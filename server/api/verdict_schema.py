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


class Media(BaseModel):
    """What was looked at; times in seconds of the media."""

    kind: Literal["video", "image"]
    sha256: str
    width_px: int
    height_px: int
    duration_s: float | None
    analyzed_s: Annotated[list[float], Field(min_length=2, max_length=2)]


class Model(BaseModel):
    """Which model judged."""

    name: str
    sha256: str
    backend: str


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
    versions: dict[str, str]
    timing_s: dict[str, float]
