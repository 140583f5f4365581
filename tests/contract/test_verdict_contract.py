"""The verdict's JSON is a promise to the API, the extension and every script: any change of its
shape must fail here first. A wanted change raises `schema` and adds a golden file; the one before
is answered on request for one version."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from models.registry import Guarantee, Likelihood, Rates
from server import verdict_schema
from server.analysis.answer import to_json
from server.analysis.provenance.records import (
    Claim,
    Declaration,
    Provenance,
    Seal,
    Source,
    ordered,
    shown,
)
from server.analysis.records import (
    AnalysisOptions,
    DetectorUse,
    FaceVerdict,
    Label,
    Level,
    MediaInfo,
    MediaLabel,
    ModelUse,
    Moment,
    Ratio,
    Reason,
    Sample,
    Strength,
    Verdict,
)

HERE = Path(__file__).parent
SCHEMAS = {n: json.loads((HERE / f"verdict-{n}.schema.json").read_text()) for n in (1, 2)}
SCHEMA = SCHEMAS[2]

ADDED = {"provenance"}  # after the first verdicts of these schemas were kept, which lack it
DECLARATION = ("$defs", "declaration", "properties")
LIKELIHOOD = Likelihood(
    views=2,
    line=(0.1, 0.0, 0.0, 1.0, 0.0, 0.0),
    covariance=((0.01,) * 6,) * 6,
    quality=((0.5, 1.8, 2.5), (4.6, 5.2, 6.0)),
    people=1.3,
    clips=1.2,
    frames=0.95,
    correlation=0.3,
    still=1.0,
    bounds=(0.2, 14.0),
    fake_at=2.4,
    suspect_at=1.3,
    real_at=-1.4,
    genuine=532,
    manipulated=32,
    part="DFDC val",
    guarantee=Guarantee(532, 5, 26, 0.02, 0.067),
    covers=("face swap",),
    blind_to=("generated face",),
)
# A fixed verdict with every kind of value; verdict-2.json is what it must become.
GOLDEN = Verdict(
    label="fake",
    p_fake=0.93141592,
    reasons=("scores-disagree", "cut-short"),
    media=MediaInfo("video", 1280, 720, 12.3456),
    media_sha256="ab" * 32,
    analyzed_s=(0.0, 12.0004),
    sampled_s=(0.0, 0.33333333, 0.66666667, 12.0004),
    faces=(
        FaceVerdict(
            id=1,
            label="fake",
            p_fake=0.93141592,
            interval=(0.88, 0.97),
            reasons=("scores-disagree",),
            start_s=0.0,
            end_s=0.66666667,
            samples=(
                Sample(0.0, np.array([396.8, 86.4, 652.8, 345.6], np.float32), 0.91),
                Sample(0.33333333, np.array([400, 90, 660, 350], np.float32), None),
                Sample(0.66666667, np.array([-30, 600, 200, 760], np.float32), 0.951234),
            ),
            moments=(Moment(0.66666667, 0.951234, ("mouth", "nose")), Moment(0.0, 0.91)),
            level="fake",
            ratio=Ratio(3.1, 0.5, 14.0, (7.9123, 14.0), LIKELIHOOD.bounds),
            crops=2,
            scores={"meso3-full": 0.93141592, "meso3": 0.8},
        ),
        FaceVerdict(
            id=2,
            label="inconclusive",
            p_fake=None,
            interval=None,
            reasons=("face-too-small",),
            start_s=3.0,
            end_s=3.0,
            samples=(Sample(3.0, np.array([0, 0, 40, 50], np.float32), None),),
        ),
    ),
    model=ModelUse(
        "meso3",
        "cd" * 32,
        "tflite",
        0.92203,
        0.22067,
        Rates(0.359, 0.019, "DFDC test, single crops"),
        LIKELIHOOD,
    ),
    detector=DetectorUse("mtcnn", "ef" * 32),
    options=AnalysisOptions(end_s=12.5, model="meso3"),
    versions={"numpy": "2.4.6"},
    timing_s={"faces": 1.23456, "total": 2.0},
    level="fake",
    ratio=Ratio(3.1, 0.5, 14.0, (7.9123, 14.0), LIKELIHOOD.bounds),
    provenance=Provenance(
        "read",
        (
            Declaration(
                "content-credentials",
                ("generated", "edited"),
                "A generator",
                "unknown",
                "A maker",
                ("signingCredential.untrusted",),
            ),
            Declaration("iptc", ("generated",)),
        ),
    ),
)


def of_schema(schema: int) -> Verdict:
    return replace(GOLDEN, options=replace(GOLDEN.options, schema_version=schema))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_golden_verdict(schema: int) -> None:
    assert to_json(of_schema(schema)) == json.loads((HERE / f"verdict-{schema}.json").read_text())


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_golden_file_fits_the_schema(schema: int) -> None:
    Draft202012Validator.check_schema(SCHEMAS[schema])
    golden = json.loads((HERE / f"verdict-{schema}.json").read_text())
    Draft202012Validator(SCHEMAS[schema]).validate(golden)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_the_api_documents_is_the_contract(schema: int) -> None:
    def required(schema: dict[str, Any], part: dict[str, Any]) -> Any:
        """The names that a schema asks for, at every depth."""
        part = schema["$defs"][part["$ref"].split("/")[-1]] if "$ref" in part else part
        for choice in part.get("anyOf", []):
            if choice.get("type") != "null":
                return required(schema, choice)
        if part.get("type") == "array":
            return required(schema, part["items"])
        properties = part.get("properties", {})
        assert set(properties) - ADDED == set(part.get("required", []))
        return {name: required(schema, value) for name, value in properties.items()}

    documented = verdict_schema.SHAPES[schema].model_json_schema()
    assert required(documented, documented) == required(SCHEMAS[schema], SCHEMAS[schema])


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (("properties", "label", "enum"), get_args(MediaLabel)),
        (("properties", "level", "enum"), (*get_args(Level), None)),
        (("$defs", "strength", "enum"), get_args(Strength)),
        (("$defs", "reasons", "items", "enum"), get_args(Reason)),
        ((*DECLARATION, "source", "enum"), get_args(Source)),
        ((*DECLARATION, "claims", "items", "enum"), get_args(Claim)),
    ],
)
def test_the_schema_names_what_the_code_names(
    path: tuple[str, ...], names: tuple[str | None]
) -> None:
    part: Any = SCHEMA
    for key in path:
        part = part[key]
    assert set(part) == set(names)


FRACTION = st.floats(0, 1)
SECONDS = st.floats(0, 1e6)
SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
BOX = st.lists(st.floats(-1e4, 1e5, width=32), min_size=4, max_size=4)
REASONS = st.lists(st.sampled_from(get_args(Reason)), max_size=3).map(tuple)
SAMPLES = st.builds(
    Sample,
    time_s=SECONDS,
    box=BOX.map(lambda box: np.array(box, np.float32)),
    p_fake=st.none() | FRACTION,
)
MOMENTS = st.builds(
    Moment,
    time_s=SECONDS,
    p_fake=FRACTION,
    regions=st.none() | st.lists(st.text(max_size=9), max_size=3).map(tuple),
)
# Any LR within bounds, as ratio() gives them.
RATIOS = (
    st.tuples(*[st.floats(0.01, 1)] * 2, *[st.floats(1, 1e7)] * 2)
    .map(sorted)
    .map(lambda ends: Ratio(np.log(ends[1]), 0.5, ends[1], (ends[0], ends[2]), (ends[0], ends[3])))
)
LEVELS = st.sampled_from(get_args(Level))
FACES = st.builds(
    FaceVerdict,
    id=st.integers(0, 10**6),
    label=st.sampled_from(get_args(Label)),
    p_fake=st.none() | FRACTION,
    interval=st.none() | st.tuples(FRACTION, FRACTION).map(sorted).map(tuple),
    reasons=REASONS,
    start_s=SECONDS,
    end_s=SECONDS,
    samples=st.lists(SAMPLES, max_size=4).map(tuple),
    moments=st.lists(MOMENTS, max_size=3).map(tuple),
    level=LEVELS,
    ratio=st.none() | RATIOS,
    crops=st.integers(0, 96),
    scores=st.dictionaries(st.text(max_size=9), FRACTION, max_size=2),
)
NAMES = st.none() | st.text(max_size=9).map(shown)
DECLARATIONS = st.lists(
    st.builds(
        Declaration,
        st.sampled_from(get_args(Source)),
        st.sets(st.sampled_from(get_args(Claim))).map(ordered),
        NAMES,
        st.none() | st.sampled_from(get_args(Seal)),
        NAMES,
    ),
    max_size=3,
).map(tuple)
VERDICTS = st.builds(
    Verdict,
    label=st.sampled_from(get_args(MediaLabel)),
    p_fake=st.none() | FRACTION,
    reasons=REASONS,
    media=st.builds(
        MediaInfo,
        kind=st.sampled_from(["video", "image"]),
        width_px=st.integers(1, 10**5),
        height_px=st.integers(1, 10**5),
        duration_s=st.none() | SECONDS | st.just(float("inf")) | st.just(float("nan")),
    ),
    media_sha256=SHA256,
    analyzed_s=st.tuples(SECONDS, SECONDS),
    sampled_s=st.lists(SECONDS, max_size=3).map(tuple),
    faces=st.lists(FACES, max_size=3).map(tuple),
    model=st.builds(
        ModelUse,
        st.text(max_size=9),
        SHA256,
        st.text(max_size=9),
        FRACTION,
        FRACTION,
        st.none() | st.builds(Rates, FRACTION, FRACTION, st.text(max_size=9)),
        st.none() | st.just(LIKELIHOOD),
    ),
    detector=st.builds(DetectorUse, st.text(max_size=9), SHA256),
    options=st.builds(
        AnalysisOptions,
        samples_per_s=st.floats(0.01, 100),
        start_s=SECONDS,
        end_s=st.none() | SECONDS,
        explain=st.booleans(),
        stop_early=st.booleans(),
        schema_version=st.sampled_from(sorted(SCHEMAS)),
    ),
    versions=st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
    timing_s=st.dictionaries(st.text(max_size=9), st.floats(0, 1e6), max_size=3),
    level=st.none() | LEVELS,
    ratio=st.none() | RATIOS,
    provenance=st.none() | st.builds(Provenance, st.just("read"), DECLARATIONS),
)


# A busy machine draws slowly.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VERDICTS)
def test_every_verdict_fits_the_schema(verdict: Verdict) -> None:
    data = json.loads(json.dumps(to_json(verdict), allow_nan=False))
    Draft202012Validator(SCHEMAS[data["schema"]]).validate(data)
    shape = verdict_schema.SHAPES[data["schema"]]
    shape.model_validate(data, strict=True, extra="forbid")
    for face in data["faces"]:
        for x, y, width, height in (sample["box"] for sample in face["samples"]):
            assert x + width <= 1 + 1e-9
            assert y + height <= 1 + 1e-9
