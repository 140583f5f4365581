from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.analysis.crops import Crop, CropChoice, frontality, sharpness

FRONTAL = np.array([[30, 40], [70, 40], [50, 60], [34, 80], [66, 80]], np.float32)
FACE = slice(70, 214), slice(150, 294)  # the astronaut's, 144 px as the classifier sees it


def crop(time_s: float, quality: float) -> Crop:
    """A crop whose quality is `quality`."""
    return Crop(time_s, np.zeros((8, 8, 3), np.uint8), quality**3, 1.0, 8.0)


def test_blur_and_enlargement_cost_sharpness(astronaut: np.ndarray) -> None:
    face = np.ascontiguousarray(astronaut[FACE])
    blurred = [sharpness(cv2.GaussianBlur(face, (0, 0), sigma)) for sigma in (1, 2, 4)]
    assert sharpness(face) > blurred[0] > blurred[1] > blurred[2]
    tiny = cv2.resize(cv2.resize(face, (30, 30), interpolation=cv2.INTER_AREA), (144, 144))
    assert sharpness(face) > 0.75
    assert sharpness(tiny) < 0.5


def test_dim_light_costs_little_sharpness(astronaut: np.ndarray) -> None:
    face = np.ascontiguousarray(astronaut[FACE])
    dim = (face * 0.4).astype(np.uint8)
    assert sharpness(dim) == pytest.approx(sharpness(face), abs=0.05)


def test_a_flat_picture_has_no_sharpness() -> None:
    assert sharpness(np.full((144, 144, 3), 127, np.uint8)) == 0


@given(st.floats(0, 2 * np.pi), st.floats(0.5, 20), st.floats(-500, 500), st.floats(-500, 500))
def test_frontality_ignores_tilt_size_and_place(
    angle: float, scale: float, x: float, y: float
) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (FRONTAL @ turn.T * scale + [x, y]).astype(np.float32)
    assert frontality(moved) == pytest.approx(1, abs=0.02)


def test_turning_the_head_costs_frontality() -> None:
    def turned(degrees: float) -> float:
        """A head of five points in depth, seen from the side by so much."""
        depth = np.array([0, 0, 25, 2, 2])
        yaw = np.radians(degrees)
        landmarks = FRONTAL.copy()
        landmarks[:, 0] = (FRONTAL[:, 0] - 50) * np.cos(yaw) + depth * np.sin(yaw) + 50
        return frontality(landmarks)

    values = [turned(degrees) for degrees in (0, 15, 30, 45, 60)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(1)
    assert values[2] < 0.75
    assert values[4] == 0


def test_landmarks_on_one_spot_are_not_frontal() -> None:
    assert frontality(np.full((5, 2), 7, np.float32)) == 0


@given(st.integers(1, 30), st.lists(st.floats(0.05, 1), min_size=1, max_size=200))
def test_crops_stay_few_in_order_and_spread(most: int, qualities: list[float]) -> None:
    choice = CropChoice(most)
    for index, quality in enumerate(qualities):
        choice.add(crop(index / 3, quality))
    times = np.array([crop.time_s for crop in choice])
    assert len(times) == min(most, len(qualities))
    assert np.all(np.diff(times) > 0)
    if len(times) > 3:
        # Even spacing would be span / most; nowhere is a hole of more than five such gaps.
        span = (len(qualities) - 1) / 3
        ends = np.concatenate([[0], times, [span]])
        assert np.diff(ends).max() <= 5 * max(span / most, 1 / 3)


def test_of_two_close_crops_the_better_one_stays() -> None:
    choice = CropChoice(2)
    for time_s, quality in ((0.0, 0.5), (9.0, 0.3), (9.3, 0.9)):
        choice.add(crop(time_s, quality))
    assert [crop.time_s for crop in choice] == [0.0, 9.3]
