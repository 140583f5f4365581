"""A fixed verdict with every kind of value; verdict-2.json is what it must become."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.registry import Guarantee, Likelihood, Rates
from server.analysis.answer import to_json
from server.analysis.provenance.records import Declaration, Provenance
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
from server.terms import AnalysisOptions

HERE = Path(__file__).parent
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
            stretch_s=(0.0, 0.66666667),
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
    stretch_s=(0.0, 0.66666667),
)
DECLARED = Provenance(
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
)


def of_schema(schema: int) -> dict[str, Any]:
    """As whoever asks for a check reads it: from the analysis, with what its file declares."""
    verdict = replace(GOLDEN, options=replace(GOLDEN.options, schema_version=schema))
    return to_json(verdict) | {"provenance": DECLARED.to_json()}
