"""The verdict's JSON is a promise to the API, the extension and every script: any change of its
shape must fail here first. A wanted change raises `schema` and adds a golden file; the one before
is answered on request for one version."""

from __future__ import annotations

import json
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from models.registry import Rates
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
    DetectorUse,
    FaceVerdict,
    MediaInfo,
    ModelUse,
    Moment,
    Ratio,
    Sample,
    Verdict,
)
from server.terms import AnalysisOptions, Label, Level, MediaLabel, Reason
from tests.contract.verdict import HERE, LIKELIHOOD, of_schema

SCHEMAS = {n: json.loads((HERE / f"verdict-{n}.schema.json").read_text()) for n in (1, 2)}
SCHEMA = SCHEMAS[2]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_golden_verdict(schema: int) -> None:
    assert of_schema(schema) == json.loads((HERE / f"verdict-{schema}.json").read_text())


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_golden_file_fits_the_schema(schema: int) -> None:
    Draft202012Validator.check_schema(SCHEMAS[schema])
    golden = json.loads((HERE / f"verdict-{schema}.json").read_text())
    Draft202012Validator(SCHEMAS[schema]).validate(golden)


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
)


# A busy machine draws slowly.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VERDICTS, st.builds(Provenance, st.just("read"), DECLARATIONS))
def test_every_verdict_fits_the_schema(verdict: Verdict, declared: Provenance) -> None:
    answer = to_json(verdict) | {"provenance": declared.to_json()}
    data = json.loads(json.dumps(answer, allow_nan=False))
    Draft202012Validator(SCHEMAS[data["schema"]]).validate(data)
    shape = verdict_schema.SHAPES[data["schema"]]
    shape.model_validate(data, strict=True, extra="forbid")
    for face in data["faces"]:
        for x, y, width, height in (sample["box"] for sample in face["samples"]):
            assert x + width <= 1 + 1e-9
            assert y + height <= 1 + 1e-9
