"""The shape of a verdict, as pydantic models; server/analysis/answer.py writes it.

The contracts, tests/contract/verdict-{1,2}.schema.json, are made from them: contract().
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Optional

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from server.analysis.provenance.records import (
    MOST_DECLARATIONS,
    MOST_PROBLEMS,
    NAME_LENGTH,
    Claim,
    Seal,
    Source,
    State,
)
from server.terms import (
    Declared,
    Direction,
    Label,
    Level,
    MediaKind,
    MediaLabel,
    Reason,
    Strength,
    declared,
)

Fraction = Annotated[float, Field(ge=0, le=1)]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _encodable(text: str) -> str:
    """Raise ValueError for half a surrogate pair, which JSON can name and UTF-8 cannot."""
    text.encode()
    return text


Text = Annotated[str, AfterValidator(_encodable)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
Name = Annotated[Text, Field(max_length=NAME_LENGTH)]


class Shape(BaseModel):
    """What all of them share: no number that JSON has none for."""

    model_config = ConfigDict(allow_inf_nan=False)


class Sample(Shape):
    """A face at one moment; `box` is x, y, width, height as fractions of the upright picture."""

    t: float
    box: Annotated[list[Fraction], Field(min_length=4, max_length=4)]
    p_fake: Fraction | None


class Moment(Shape):
    """When a face looked most manipulated; `regions`: where in it, null where that is not
    known. Its picture: /jobs/ID/faces/FACE.jpg?moment=N, counting from 0."""

    t: float
    p_fake: Fraction
    regions: list[Text] | None


class FaceOne(Shape):
    """One person, from when to when, and what was found: schema 1."""

    id: int
    label: Label
    p_fake: Fraction | None
    interval: Annotated[list[Fraction], Field(min_length=2, max_length=2)] | None
    reasons: list[Reason]
    start_s: float
    end_s: float
    samples: list[Sample]
    moments: Annotated[list[Moment], Field(max_length=3)]


class Support(Shape):
    """Which proposition the evidence supports, and how strongly, in the ENFSI guideline's words
    (docs/evidence.md); "none" has no direction."""

    direction: Direction | None
    strength: Strength


Lr = Annotated[float, Field(gt=0)]
LrInterval = Annotated[list[Lr], Field(min_length=2, max_length=2)]
Span = Annotated[list[float], Field(min_length=2, max_length=2)]  # from when to when, in seconds


class Face(FaceOne):
    """One person, from when to when, and what was found.

    `lr`: how many times more probable the scores of `crops` pictures are if the face is manipulated
    than if it is genuine; null where that was not measured, or could not be told. `scores`: what
    each network gave, on its own scale. `stretch_s`: where scores disagree, from when to when the
    face looks more manipulated than in the rest.
    """

    level: Level
    support: Support | None
    lr: Lr | None
    lr_interval: LrInterval | None
    crops: Count
    scores: dict[Text, Fraction]
    stretch_s: Span | None = None  # of a verdict that was made before there was any


class Media(Shape):
    """What was looked at; times in seconds of the media."""

    kind: MediaKind
    sha256: Sha256
    width_px: Size
    height_px: Size
    duration_s: Annotated[float, Field(ge=0)] | None
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
    sha256: Sha256
    backend: Text
    fake_at: Fraction
    real_at: Fraction
    rates: Rates | None


class Detector(Shape):
    """Which networks found the faces; one SHA-256 for all their files."""

    name: Text
    sha256: Sha256


def _stated(of: Declared) -> tuple[Any, Any]:
    """What pydantic's create_model wants to know of an option. The service's own settings may go
    beyond the bounds that a caller has, but not to the other side of nothing."""
    kind: Any = Text if of.kind is str else of.kind
    if kind in (int, float):
        kind = Annotated[kind, Field(gt=0) if of.option.least else Field(ge=0)]
    described = Field(description=of.option.meaning, examples=[of.default])
    return Optional[kind] if of.default is None else kind, described  # noqa: UP045


STATED: dict[str, Any] = {of.name: _stated(of) for of in declared() if of.name != "schema_version"}
_Options: Any = create_model("_Options", __base__=Shape, **STATED)


class Options(_Options):  # type: ignore[misc]
    """What was asked for; with these the check can be repeated."""


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
    """The file's statements on its own origin. No part of the verdict: declared, not measured."""

    state: State
    declarations: Annotated[list[Declaration], Field(max_length=MOST_DECLARATIONS)]


class People(Shape):
    """How many people are behind a likelihood ratio."""

    genuine: Count
    manipulated: Count


class Guarantee(Shape):
    """Of genuine people who were checked once each, how many were called fake, how many at least
    suspicious; and what shares these are at most, at 95 % confidence."""

    people: Count
    flagged: Count
    suspected: Count
    flagged_at_most: Fraction
    suspected_at_most: Fraction


class Basis(Shape):
    """What is behind the likelihood ratios: no LR lies beyond `bounds`. "No sign" tells against the
    kinds of fakes that it `covers`, not against those that the network is `blind_to`."""

    people: People
    part: Text
    views: Size
    bounds: LrInterval
    guarantee: Guarantee
    covers: list[Text]
    blind_to: list[Text]


class VerdictOne(Shape):
    """The answer of schema 1: one entry per face; the worst face decides. Null where unknown."""

    model_config = ConfigDict(allow_inf_nan=False, json_schema_extra={"title": "Verdict"})
    schema_version: Annotated[Literal[1], Field(alias="schema")]
    label: MediaLabel
    p_fake: Fraction | None
    reasons: list[Reason]
    media: Media
    faces: list[FaceOne]
    model: Model
    detector: Detector
    options: Options
    versions: dict[Text, Text]
    timing_s: dict[Text, float]
    provenance: Provenance | None = None  # of a verdict that was made before there was any


class Verdict(VerdictOne):
    """The answer: one entry per face; the worst face decides. Unknown values are null."""

    schema_version: Annotated[Literal[2], Field(alias="schema")]  # type: ignore[assignment]
    faces: list[Face]  # type: ignore[assignment]
    level: Level | None
    support: Support | None
    lr: Lr | None
    lr_interval: LrInterval | None
    stretch_s: Span | None = None
    basis: Basis | None


SHAPES: dict[int, type[VerdictOne]] = {1: VerdictOne, 2: Verdict}


def shape_of(verdict: Any) -> type[VerdictOne]:
    """The model of the schema that `verdict` states; the newest, where it states none of ours."""
    schema = verdict.get("schema") if isinstance(verdict, dict) else None
    return SHAPES.get(schema, Verdict) if isinstance(schema, int) else Verdict


def contract(schema: int) -> dict[str, Any]:
    """The JSON schema of verdicts: of what is written, so that nothing else may stand in it."""

    def closed(part: Any) -> Any:
        if isinstance(part, list):
            return [closed(each) for each in part]
        if not isinstance(part, dict):
            return part
        inner = {key: closed(value) for key, value in part.items() if key != "examples"}
        return inner | ({"additionalProperties": False} if "properties" in inner else {})

    found: dict[str, Any] = closed(SHAPES[schema].model_json_schema())
    return {"$schema": DIALECT, **found, "title": f"Mesoscope verdict, version {schema}"}
