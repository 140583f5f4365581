"""The interval of a number whose spread is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convert import bootstrap


def test_groups_are_drawn_whole() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=400)
    low, high = bootstrap.interval(lambda drawn: float(values[drawn].mean()), np.arange(400))
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.15)
    copies = np.repeat(values, 5)
    of_groups = bootstrap.interval(
        lambda drawn: float(copies[drawn].mean()), np.repeat(np.arange(400), 5)
    )
    assert of_groups == pytest.approx((low, high))


def test_a_draw_without_an_answer_does_not_count() -> None:
    fake = np.arange(3) == 0

    def share(drawn: np.ndarray) -> float:
        return 1.0 if fake[drawn].any() else math.nan

    assert bootstrap.interval(share, np.arange(3)) == (1.0, 1.0)
    nothing = bootstrap.interval(lambda drawn: math.nan, np.arange(3))
    assert all(map(math.isnan, nothing))
