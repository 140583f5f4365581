"""What Python and the extension share is written once, in Python."""

from __future__ import annotations

from convert import rules
from models import pyramid
from server.analysis import evidence
from server.analysis.weighing import Rules


def test_a_modules_own_constants_are_found() -> None:
    assert rules.constants("models.pyramid", rules._is_plain) == {
        "SMALLEST_PX": pyramid.SMALLEST_PX,
        "WINDOW_PX": pyramid.WINDOW_PX,
        "STRIDE_PX": pyramid.STRIDE_PX,
        "PYRAMID_STEP": pyramid.PYRAMID_STEP,
    }
    assert "MOST_COST" not in rules.constants("server.analysis.tracks", rules._is_plain), (
        "matching declares it"
    )


def test_defaults_are_those_that_the_service_uses() -> None:
    shared = rules.rules()
    assert shared["rules"]["min_face_px"] == Rules().min_face_px
    assert shared["rules"]["usual"]["clips"] == evidence.Spread().clips
    assert "fake_at" not in shared["rules"], "it is the model's, not a rule"
