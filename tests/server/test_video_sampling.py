"""Which pictures are kept, whatever times they come at."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.analysis.video.sampling import ROUNDING_S, Sampler

gaps_s = st.lists(st.floats(0.001, 3.0), min_size=1, max_size=200)
rates = st.floats(0.2, 30)


def kept(times_s: np.ndarray, sampler: Sampler) -> np.ndarray:
    return np.array([time_s for time_s in times_s.tolist() if sampler.takes(time_s)])


@settings(deadline=None)
@given(gaps_s, rates, st.integers(1, 50), st.floats(0, 10))
def test_samples_ascend_from_the_first_picture_and_are_never_too_many(
    gaps: list[float], rate: float, most: int, start: float
) -> None:
    times_s = start + np.cumsum(gaps)
    samples = kept(times_s, Sampler(rate, most, float(times_s[-1] - times_s[0])))
    assert samples[0] == times_s[0]
    assert np.all(np.diff(samples) > 0)
    assert len(samples) <= most
    assert samples[-1] <= times_s[-1]


@settings(deadline=None)
@given(gaps_s, rates)
def test_no_moment_is_further_than_a_step_from_its_picture(gaps: list[float], rate: float) -> None:
    """Between two samples lies no picture that was a step or more after the first of them."""
    times_s = np.cumsum(gaps)
    samples = kept(times_s, Sampler(rate, 10_000, 0))
    for before, after in zip(samples, [*samples[1:], np.inf], strict=True):
        between = times_s[(times_s > before) & (times_s < after)]
        assert np.all(between - before < 1 / rate + ROUNDING_S)


@settings(deadline=None)
@given(st.integers(2, 3000), st.floats(10, 120), st.floats(0.5, 5))
def test_steady_video_is_sampled_at_the_rate(count: int, fps: float, rate: float) -> None:
    times_s = np.arange(count) / fps
    samples = kept(times_s, Sampler(rate, 10_000, count / fps))
    grid = np.arange(len(samples)) / rate
    assert np.all(samples >= grid - ROUNDING_S), "never early"
    assert np.all(samples < grid + 1 / fps), "late by less than a picture, however long it runs"
    assert len(samples) == pytest.approx(count / fps * rate, abs=1.01)


@settings(deadline=None)  # the machine may be busy
@given(st.floats(60, 600), st.integers(1, 720))
@example(116.2, 200)  # a picture that is early by just what is allowed
def test_long_media_is_spread_over_its_whole_duration(duration_s: float, most: int) -> None:
    times_s = np.arange(0, duration_s, 0.04)
    samples = kept(times_s, Sampler(1000, most, float(times_s[-1]) + 0.04))
    assert len(samples) == min(most, len(times_s))
    assert samples[-1] >= times_s[-1] * (1 - 1 / most) - 0.08


@settings(deadline=None)
@given(gaps_s, rates, st.floats(0, 20), st.floats(0, 20))
def test_a_span_bounds_what_is_kept(
    gaps: list[float], rate: float, start_s: float, span_s: float
) -> None:
    times_s, end_s = np.cumsum(gaps), start_s + span_s
    samples = kept(times_s, Sampler(rate, 10_000, span_s, start_s, end_s))
    inside = times_s[(times_s >= start_s) & (times_s <= end_s)]
    assert np.all((samples >= start_s - ROUNDING_S) & (samples <= end_s + ROUNDING_S))
    assert len(samples) > 0 or len(inside) == 0
    if len(inside):
        assert samples[0] <= inside[0], "the first picture of the span is kept"


@pytest.mark.parametrize(("rate", "most"), [(0, 1), (-1, 1), (float("inf"), 1), (1, 0)])
def test_nonsense_is_refused(rate: float, most: int) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Sampler(rate, most, 1)
