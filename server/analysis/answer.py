"""A verdict in its JSON form: the only converter. Pixels become fractions here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from models.registry import Likelihood
from server.analysis.boxes import to_fractions
from server.analysis.likelihood import support
from server.analysis.records import FaceVerdict, MediaInfo, ModelUse, Verdict


def to_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as everything outside reads it: tests/contract/verdict-2.schema.json, or the
    one of schema 1 where the options ask for it.

    Seconds to the millisecond, P(fake) and fractions of the picture to 4 digits, null if unknown.
    """
    media, options = verdict.media, asdict(verdict.options)
    schema = options.pop("schema_version")
    answer = {
        "schema": schema,
        "label": verdict.label,
        **(_evidence(verdict) if schema > 1 else {}),
        "p_fake": _rounded(verdict.p_fake, 4),
        "reasons": list(verdict.reasons),
        "media": {
            "kind": media.kind,
            "sha256": verdict.media_sha256,
            "width_px": media.width_px,
            "height_px": media.height_px,
            "duration_s": _rounded(media.duration_s, 3),
            "analyzed_s": [_rounded(time_s, 3) for time_s in verdict.analyzed_s],
            "sampled_s": [_rounded(time_s, 3) for time_s in verdict.sampled_s],
        },
        "faces": [_face_to_json(face, media, schema) for face in verdict.faces],
        "model": _model_to_json(verdict.model),
        "detector": asdict(verdict.detector),
        "options": options,
        "versions": dict(verdict.versions),
        "timing_s": {stage: _rounded(s, 3) for stage, s in verdict.timing_s.items()},
        "provenance": None,  # no part of the analysis: a reader beside it says that
    }
    if schema > 1:
        answer["basis"] = _basis(verdict.model.likelihood)
    return answer


def _evidence(judged: FaceVerdict | Verdict) -> dict[str, Any]:
    """What schema 2 added to each judgement; an LR has three digits, which never pass its bound."""
    ratio, stretch_s = judged.ratio, judged.stretch_s
    found = support(ratio.lr) if ratio else None
    return {
        "level": judged.level,
        "support": asdict(found) if found else None,
        "lr": _three_digits(ratio.lr) if ratio else None,
        "lr_interval": [_three_digits(end) for end in ratio.interval] if ratio else None,
        "stretch_s": [_rounded(time_s, 3) for time_s in stretch_s] if stretch_s else None,
    }


def _three_digits(lr: float) -> float:
    return float(f"{lr:.3g}")


def _model_to_json(model: ModelUse) -> dict[str, Any]:
    facts = asdict(model)
    del facts["likelihood"]
    return facts


def _basis(model: Likelihood | None) -> dict[str, Any] | None:
    """What stands behind the likelihood ratios; None where the network has none."""
    if model is None:
        return None
    return {
        "people": {"genuine": model.genuine, "manipulated": model.manipulated},
        "part": model.part,
        "views": model.views,
        "bounds": list(model.bounds),
        "guarantee": asdict(model.guarantee),
        "covers": list(model.covers),
        "blind_to": list(model.blind_to),
    }


def _face_to_json(face: FaceVerdict, media: MediaInfo, schema: int) -> dict[str, Any]:
    newer = {
        **_evidence(face),
        "crops": face.crops,
        "scores": {name: _rounded(p_fake, 4) for name, p_fake in face.scores.items()},
    }
    return {
        "id": face.id,
        "label": face.label,
        **(newer if schema > 1 else {}),
        "p_fake": _rounded(face.p_fake, 4),
        "interval": [_rounded(end, 4) for end in face.interval] if face.interval else None,
        "reasons": list(face.reasons),
        "start_s": _rounded(face.start_s, 3),
        "end_s": _rounded(face.end_s, 3),
        "samples": [
            {
                "t": _rounded(sample.time_s, 3),
                "box": list(to_fractions(sample.box, media.width_px, media.height_px)),
                "p_fake": _rounded(sample.p_fake, 4),
            }
            for sample in face.samples
        ],
        "moments": [
            {
                "t": _rounded(moment.time_s, 3),
                "p_fake": _rounded(moment.p_fake, 4),
                "regions": None if moment.regions is None else list(moment.regions),
            }
            for moment in face.moments
        ],
    }


def _rounded(number: float | None, digits: int) -> float | None:
    """A plain float; None also for what JSON has no number for."""
    return round(float(number), digits) if number is not None and np.isfinite(number) else None
