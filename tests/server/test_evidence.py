from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from server.analysis.evidence import (
    Z_STRETCH,
    Spread,
    estimate,
    strongest_stretch,
    to_logits,
)

USUAL = Spread()
LOGITS = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-6, 6))


@given(LOGITS)
def test_the_interval_holds_the_estimate(logits: np.ndarray) -> None:
    answer = estimate(logits, USUAL)
    low, high = answer.interval()
    assert 0 <= low <= answer.p_fake <= high <= 1
    assert answer.error >= USUAL.clips


@given(LOGITS)
def test_fake_and_real_are_treated_alike(logits: np.ndarray) -> None:
    one, other = estimate(logits, USUAL), estimate(-logits, USUAL)
    assert one.logit == pytest.approx(-other.logit)
    assert one.error == pytest.approx(other.error)


@given(st.floats(-6, 6), st.integers(1, 30))
def test_more_frames_make_surer(logit: float, n: int) -> None:
    few, many = estimate(np.full(n, logit), USUAL), estimate(np.full(n + 10, logit), USUAL)
    assert many.error < few.error


def test_frames_that_repeat_each_other_count_less() -> None:
    alternating = np.tile([1.0, -1.0], 12)
    blocks = np.repeat([1.0, -1.0], 12)
    within = replace(USUAL, clips=0.0)
    assert estimate(blocks, within).error > 1.5 * estimate(alternating, within).error


@pytest.mark.parametrize(("correlation", "least"), [(0.2, 0.94), (0.5, 0.92), (0.8, 0.85)])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(
    correlation: float, least: float
) -> None:
    """95 %, for clips as the method supposes them; less where frames repeat each other more."""
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(1500):
        clip, n = random.normal(0, USUAL.clips), int(random.integers(3, 25))
        frames = [random.normal()]
        while len(frames) < n:
            step = np.sqrt(1 - correlation**2) * random.normal()
            frames.append(correlation * frames[-1] + step)
        answer = estimate(np.array(frames) + clip, USUAL)
        covered += abs(answer.logit) <= 1.96 * answer.error
    assert least <= covered / 1500 <= 0.99


def test_a_manipulated_stretch_is_found() -> None:
    logits = np.r_[np.full(9, -2.0), np.full(6, 3.0), np.full(9, -2.0)]
    part = strongest_stretch(logits, np.arange(24) / 3, USUAL, (3, 0.6))
    assert part is not None
    assert part.logit == pytest.approx(3)


def test_chance_alone_makes_no_stretch_surely_fake() -> None:
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(300):
        part = strongest_stretch(random.normal(0, 1, 24), np.arange(24) / 3, USUAL, (3, 0.6))
        assert part is not None
        alarms += part.interval(Z_STRETCH)[0] > 0.5
    assert alarms <= 3


def test_a_stretch_is_neither_too_short_nor_the_whole() -> None:
    assert strongest_stretch(np.zeros(3), np.arange(3) / 3, USUAL, (3, 0.6)) is None
    assert strongest_stretch(np.zeros(9), np.arange(9) / 100, USUAL, (3, 0.6)) is None


@given(hnp.arrays(np.float32, 5, elements=st.floats(0, 1, width=32)))
def test_logits_are_finite_and_bounded(p_fake: np.ndarray) -> None:
    logits = to_logits(p_fake)
    assert np.all(np.abs(logits) <= 6)
    assert np.all((logits > 0) == (p_fake > 0.5))
