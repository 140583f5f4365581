from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.analysis.likelihood import STRENGTH_FROM, STRENGTHS, Pictures, ratio, support
from server.analysis.records import Ratio, TrackScores
from server.analysis.verdict import is_settled, judge
from server.analysis.weighing import Rules
from tests.contract.test_verdict_contract import LIKELIHOOD
from tests.server.test_verdict import track

WIDE = replace(LIKELIHOOD, bounds=(1e-9, 1e9))
RULES = Rules(likelihood=LIKELIHOOD)


def pictures(logits: list[float], sharpness: float = 0.8, size_px: float = 200) -> Pictures:
    count = len(logits)
    return Pictures(
        np.array(logits, float),
        np.full(count, sharpness, np.float32),
        np.full(count, size_px, np.float32),
    )


def face(p_fake: list[float], rules: Rules = RULES):
    return judge(track(len(p_fake)), TrackScores(1, np.array(p_fake, np.float32)), rules)


@pytest.mark.parametrize(
    ("lr", "direction", "strength"),
    [
        (1.0, None, "none"),
        (1.99, None, "none"),
        (2.0, "manipulated", "weak"),
        (9.99, "manipulated", "weak"),
        (10.0, "manipulated", "moderate"),
        (100.0, "manipulated", "moderately-strong"),
        (1_000.0, "manipulated", "strong"),
        (10_000.0, "manipulated", "very-strong"),
        (1_000_001.0, "manipulated", "extremely-strong"),
        (0.51, None, "none"),
        (0.5, "genuine", "weak"),
        (0.1, "genuine", "moderate"),
        (0.0005, "genuine", "strong"),
    ],
)
def test_words_are_those_of_the_guideline(lr: float, direction: str, strength: str) -> None:
    assert (support(lr).direction, support(lr).strength) == (direction, strength)
    assert len(STRENGTHS) == len(STRENGTH_FROM) + 1


def test_one_picture_has_the_line_that_was_fitted() -> None:
    model = replace(WIDE, line=(0.2, 0.0, 0.0, 0.9, 0.0, 0.0))
    assert ratio(pictures([2.0]), model).log == pytest.approx(0.2 + 0.9 * 2.0, abs=1e-6)


def test_more_pictures_say_more_but_never_as_if_they_were_more_people() -> None:
    logs = [ratio(pictures([1.5] * count), WIDE).log for count in (1, 3, 24, 96)]
    assert logs == sorted(logs)
    most = (WIDE.people**2 + WIDE.clips**2 + WIDE.frames**2) / (WIDE.people**2 + WIDE.clips**2)
    assert logs[-1] <= logs[0] * most


def test_quality_bends_the_line_and_stays_within_what_was_seen() -> None:
    model = replace(WIDE, line=(0.0, 0.5, 0.0, 1.0, 0.2, 0.0))
    blurred, sharp = (ratio(pictures([2.0], value), model).log for value in (0.5, 0.9))
    assert blurred < sharp
    least, less = (ratio(pictures([2.0], value), model).log for value in (0.02, 0.05))
    assert least == less, "no further than the blur that was fitted on"


def test_a_size_that_is_not_known_is_the_usual_one() -> None:
    model = replace(WIDE, line=(0.0, 0.0, 0.5, 1.0, 0.0, 0.0))
    usual = float(np.exp(model.quality[1][1]))
    unknown = ratio(pictures([2.0], size_px=float("nan")), model).log
    assert unknown == pytest.approx(ratio(pictures([2.0], size_px=usual), model).log, abs=1e-4)


@given(
    st.lists(st.floats(-6, 6), min_size=1, max_size=24),
    st.floats(0.01, 1.0),
    st.floats(1.0, 1e4),
    st.floats(0.0, 1.0),
    st.floats(20, 1000),
)
@settings(deadline=None)
def test_nothing_leaves_the_bounds(
    logits: list[float], low: float, high: float, sharpness: float, size_px: float
) -> None:
    model = replace(LIKELIHOOD, bounds=(low, high), line=(0.3, 0.2, -0.1, 1.4, 0.3, 0.1))
    found = ratio(pictures(logits, sharpness, size_px), model)
    assert low <= found.interval[0] <= found.lr <= found.interval[1] <= high
    strongest = support(high if found.lr > 1 else low).strength
    assert STRENGTHS.index(support(found.lr).strength) <= STRENGTHS.index(strongest)


def test_a_ratio_beyond_its_bounds_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="beyond what its people carry"):
        Ratio(5.0, 0.5, 150.0, (8.0, 14.0), (0.2, 14.0))


@pytest.mark.parametrize(
    ("p_fake", "level", "label", "direction"),
    [
        ([0.97] * 12, "fake", "fake", "manipulated"),
        ([0.80] * 12, "suspicious", "inconclusive", "manipulated"),
        ([0.50] * 12, "inconclusive", "inconclusive", None),
        ([0.05] * 12, "real", "real", "genuine"),
    ],
)
def test_levels_follow_the_likelihood_ratio(
    p_fake: list[float], level: str, label: str, direction: str | None
) -> None:
    found = face(p_fake)
    assert (found.level, found.label) == (level, label)
    assert found.ratio is not None
    assert support(found.ratio.lr).direction == direction
    assert found.crops == len(p_fake)


@given(
    st.lists(st.floats(0.001, 0.999), min_size=3, max_size=24), st.floats(0.05, 1), st.floats(1, 20)
)
@settings(deadline=None)
def test_no_level_contradicts_its_support(p_fake: list[float], low: float, high: float) -> None:
    found = face(p_fake, Rules(likelihood=replace(LIKELIHOOD, bounds=(low, high))))
    assert found.ratio is not None
    direction = support(found.ratio.lr).direction
    if found.level in ("fake", "suspicious"):
        assert direction == "manipulated"
    if found.level == "real":
        assert direction == "genuine"


def test_a_bound_without_support_leaves_no_label() -> None:
    few = Rules(likelihood=replace(LIKELIHOOD, bounds=(0.6, 1.5)))
    assert face([0.99] * 24, few).level == "inconclusive"
    assert face([0.01] * 24, few).level == "inconclusive"


def test_a_part_that_is_manipulated_is_not_averaged_away() -> None:
    found = face([0.03] * 9 + [0.985] * 6 + [0.03] * 9)
    assert (found.label, found.reasons) == ("fake", ("scores-disagree",))


def test_a_part_that_may_be_manipulated_forbids_real() -> None:
    found = face([0.02] * 18 + [0.97] * 3)
    assert found.level in ("inconclusive", "suspicious")
    assert found.reasons == ("scores-disagree",)


def test_too_few_pictures_have_no_ratio() -> None:
    found = face([0.99] * 2)
    assert (found.level, found.ratio, found.reasons) == ("inconclusive", None, ("too-few-frames",))


@settings(deadline=None, max_examples=60)
@given(st.integers(12, 24), st.floats(0.9, 1), st.integers(0, 12), st.floats(0, 1))
def test_a_settled_fake_stays_one_whatever_follows(
    seen: int, p_fake: float, following: int, rest: float
) -> None:
    """As long as as many of its crops are kept as of what follows."""
    if is_settled(face([p_fake] * seen), RULES):
        assert face([p_fake] * seen + [rest] * following).label == "fake"
    assert is_settled(face([0.9999] * 24), RULES)
    assert not is_settled(face([0.93] * 24), RULES)
