from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from server.analysis import boxes

NUMBERS = st.floats(-5000, 5000, width=32)


@st.composite
def some_boxes(draw: st.DrawFn, least: int = 0) -> np.ndarray:
    corners = draw(hnp.arrays(np.float32, (draw(st.integers(least, 6)), 2, 2), elements=NUMBERS))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


@given(some_boxes(), some_boxes())
def test_iou_is_a_symmetric_share(first: np.ndarray, second: np.ndarray) -> None:
    overlap = boxes.iou(first, second)
    assert overlap.shape == (len(first), len(second))
    assert overlap.dtype == np.float32
    assert np.all((overlap >= 0) & (overlap <= 1.0001))
    np.testing.assert_allclose(overlap, boxes.iou(second, first).T, atol=1e-4)


@given(some_boxes())
def test_a_box_with_area_overlaps_itself_wholly(some: np.ndarray) -> None:
    own = np.diag(boxes.iou(some, some))
    areas = boxes.areas(some)
    np.testing.assert_allclose(own[areas > 1], 1, atol=1e-3)
    assert np.all(own[areas == 0] == 0)


def test_iou_of_known_boxes() -> None:
    first = np.array([[0, 0, 10, 10]], np.float32)
    second = np.array([[5, 0, 15, 10], [10, 10, 20, 20], [0, 0, 10, 5]], np.float32)
    np.testing.assert_allclose(boxes.iou(first, second), [[50 / 150, 0, 0.5]], rtol=1e-6)


@given(some_boxes(least=1))
def test_squares_hold_their_boxes(some: np.ndarray) -> None:
    squares = boxes.square(some)
    extent = squares[:, 2:] - squares[:, :2]
    np.testing.assert_allclose(extent[:, 0], extent[:, 1], rtol=1e-3, atol=0.01)
    np.testing.assert_allclose(boxes.centers(squares), boxes.centers(some), rtol=1e-3, atol=0.01)
    assert np.all(squares[:, :2] <= some[:, :2] + 0.01)
    assert np.all(squares[:, 2:] >= some[:, 2:] - 0.01)


@given(some_boxes(least=1), st.integers(1, 8000), st.integers(1, 8000))
def test_fractions_lie_within_the_picture(some: np.ndarray, width: int, height: int) -> None:
    x, y, w, h = boxes.to_fractions(some[0], width, height)
    assert min(x, y, w, h) >= 0
    assert max(x, y) <= 1
    assert max(x + w, y + h) <= 1 + 1e-9


def test_fractions_are_of_the_picture() -> None:
    assert boxes.to_fractions([20, 10, 60, 60], 200, 100) == pytest.approx((0.1, 0.1, 0.2, 0.5))
