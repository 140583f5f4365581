"""The crop that every network sees: its framing, its edges, its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.preprocess import SIDE_PER_FACE, face_crop, resize, to_input


def landmarks(x: float, y: float, face_px: float) -> np.ndarray:
    """An upright face centred on (x, y): eyes face_px apart, the mouth face_px below them."""
    half = face_px / 2
    points = [(-half, -half), (half, -half), (0, 0), (-half / 2, half), (half / 2, half)]
    return np.array(points, np.float32) + np.array([x, y], np.float32)


def disc(side_px: int, x: float, y: float, radius: float) -> np.ndarray:
    """White on black, uint8 RGB."""
    columns, rows = np.meshgrid(np.arange(side_px), np.arange(side_px))
    inside = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
    return np.repeat((inside * 255).astype(np.uint8)[..., None], 3, axis=2)


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(-20, 420),
    y=st.floats(-20, 420),
    face_px=st.floats(5, 300),
    side_px=st.sampled_from([32, 144, 224]),
)
def test_a_crop_always_has_the_asked_shape(x: float, y: float, face_px: float, side_px: int):
    frame = np.full((400, 400, 3), 7, np.uint8)
    try:
        crop = face_crop(frame, landmarks(x, y, face_px), side_px)
    except ValueError:
        half = SIDE_PER_FACE * np.hypot(face_px, face_px) / 2
        assert not (-half + 2 < x < 398 + half and -half + 2 < y < 398 + half)
        return
    assert crop.shape == (side_px, side_px, 3)
    assert crop.dtype == np.uint8
    assert (crop == 7).all()


@settings(max_examples=25, deadline=None)
@given(face_px=st.floats(30, 110))
def test_a_face_fills_the_same_share_of_its_crop_at_every_size(face_px: float):
    frame = disc(400, 200, 200, radius=face_px / 2)
    white = (face_crop(frame, landmarks(200, 200, face_px), 144)[..., 0] > 127).mean()
    expected = np.pi * (face_px / 2) ** 2 / (SIDE_PER_FACE * np.hypot(face_px, face_px)) ** 2
    assert white == pytest.approx(expected, rel=0.1)


@settings(max_examples=25, deadline=None)
@given(x=st.floats(120, 280), y=st.floats(120, 280))
def test_the_crop_is_centred_between_eyes_and_mouth(x: float, y: float):
    crop = face_crop(disc(400, x, y, radius=12), landmarks(x, y, 60), 144)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    assert np.mean(columns) == pytest.approx(71.5, abs=1.5)
    assert np.mean(rows) == pytest.approx(71.5, abs=1.5)


def test_at_the_border_the_edge_is_repeated_and_the_scale_kept():
    frame = disc(400, 10, 200, radius=30)
    frame[:, 0] = 90
    crop = face_crop(frame, landmarks(10, 200, 60), 144)
    scale = 144 / round(SIDE_PER_FACE * np.hypot(60, 60))
    outside = crop[:, : int((144 / scale / 2 - 10) * scale) - 2]
    assert (outside == 90).all()
    rows = np.flatnonzero(crop[:, 76, 0] > 127)
    assert len(rows) == pytest.approx(60 * scale, abs=4)


def test_landmarks_outside_the_picture_are_refused():
    with pytest.raises(ValueError, match="outside"):
        face_crop(np.zeros((50, 50, 3), np.uint8), landmarks(500, 500, 20), 64)


def test_shrinking_does_not_alias():
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(resize(stripes, 50)) <= 2


@settings(deadline=None)
@given(value=st.integers(0, 255))
def test_to_input_maps_bytes_to_minus_one_to_one(value: int):
    batch = to_input(np.full((2, 4, 4, 3), value, np.uint8))
    assert batch.dtype == np.float32
    assert batch.shape == (2, 4, 4, 3)
    np.testing.assert_allclose(batch, (value - 127.5) / 127.5, atol=1e-6)
