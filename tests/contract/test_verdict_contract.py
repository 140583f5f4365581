"""The verdict's JSON is a promise to the API, the extension and every script: any change of its
shape must fail here first. A wanted change raises `schema` and adds a golden file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from models.registry import Rates
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
    MediaInfo,
    MediaLabel,
    ModelUse,
    Moment,
    Reason,
    Sample,
    Verdict,
)
from server.analysis.verdict import to_json
from server.jobs import verdict_schema

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE / "verdict-1.schema.json").read_text())

MIRROR = verdict_schema.Verdict  # what the API documents
ADDED = {"provenance"}  # after the first verdicts of this schema were kept, which lack it
DECLARATION = ("$defs", "declaration", "properties")

# A fixed verdict with every kind of value; verdict-1.json is what it must become.
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
    ),
    detector=DetectorUse("mtcnn", "ef" * 32),
    options=AnalysisOptions(end_s=12.5),
    versions={"numpy": "2.4.6"},
    timing_s={"faces": 1.23456, "total": 2.0},
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


def test_the_golden_verdict() -> None:
    assert to_json(GOLDEN) == json.loads((HERE / "verdict-1.json").read_text())


def test_the_golden_file_fits_the_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(json.loads((HERE / "verdict-1.json").read_text()))


def test_what_the_api_documents_is_the_contract() -> None:
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

    documented = MIRROR.model_json_schema()
    assert required(documented, documented) == required(SCHEMA, SCHEMA)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (("properties", "label", "enum"), get_args(MediaLabel)),
        (("$defs", "reasons", "items", "enum"), get_args(Reason)),
        ((*DECLARATION, "source", "enum"), get_args(Source)),
        ((*DECLARATION, "claims", "items", "enum"), get_args(Claim)),
    ],
)
def test_the_schema_names_what_the_code_names(path: tuple[str, ...], names: tuple[str]) -> None:
    part: Any = SCHEMA
    for key in path:
        part = part[key]
    assert sorted(part) == sorted(names)


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
    ),
    detector=st.builds(DetectorUse, st.text(max_size=9), SHA256),
    options=st.builds(
        AnalysisOptions,
        samples_per_s=st.floats(0.01, 100),
        start_s=SECONDS,
        end_s=st.none() | SECONDS,
        explain=st.booleans(),
        stop_early=st.booleans(),
    ),
    versions=st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
    timing_s=st.dictionaries(st.text(max_size=9), st.floats(0, 1e6), max_size=3),
    provenance=st.none() | st.builds(Provenance, st.just("read"), DECLARATIONS),
)


@given(VERDICTS)
def test_every_verdict_fits_the_schema(verdict: Verdict) -> None:
    data = json.loads(json.dumps(to_json(verdict), allow_nan=False))
    Draft202012Validator(SCHEMA).validate(data)
    MIRROR.model_validate(data, strict=True, extra="forbid")
    for face in data["faces"]:
        for x, y, width, height in (sample["box"] for sample in face["samples"]):
            assert x + width <= 1 + 1e-9
            assert y + height <= 1 + 1e-9
