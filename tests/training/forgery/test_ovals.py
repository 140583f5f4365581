"""Fakes with known masks: in bounds, repeatable, and nothing changed outside of the mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.forgery.ovals import PARTS, oval, self_blend

SIDE = 96
LANDMARKS = np.array([[30, 40], [66, 40], [48, 55], [36, 72], [60, 72]], np.float32)

seeds = st.integers(0, 10_000)
parts = st.sampled_from(PARTS)


@pytest.fixture(scope="module")
def face(astronaut):
    return np.ascontiguousarray(astronaut[90 : 90 + SIDE, 170 : 170 + SIDE])


@settings(deadline=None, max_examples=40)
@given(seeds, parts)
def test_the_mask_bounds_what_is_changed(face, seed, part):
    blend = self_blend(face, LANDMARKS, seed, part)
    assert blend.rgb.shape == face.shape
    assert blend.rgb.dtype == np.uint8
    assert blend.mask.shape == (SIDE, SIDE)
    assert blend.mask.dtype == np.float32
    assert blend.mask.min() >= 0
    assert 0 < blend.mask.max() <= 1
    outside = blend.mask == 0
    assert outside.any()
    assert np.array_equal(blend.rgb[outside], face[outside])


@settings(deadline=None, max_examples=10)
@given(seeds, parts)
def test_a_seed_repeats_its_blend(face, seed, part):
    one, again = (self_blend(face, LANDMARKS, seed, part) for _ in range(2))
    assert np.array_equal(one.rgb, again.rgb)
    assert np.array_equal(one.mask, again.mask)
    other = self_blend(face, LANDMARKS, seed + 1, part)
    assert not np.array_equal(one.mask, other.mask)


@settings(deadline=None, max_examples=20)
@given(st.floats(-0.4, 0.4), st.floats(0.5, 1.2), parts)
def test_the_mask_follows_the_face(turn, scale, part):
    """Landmarks that are turned and scaled move the mask alike, about its middle."""
    middle = np.array([SIDE / 2, SIDE / 2])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * scale
    centred = LANDMARKS - LANDMARKS.mean(axis=0)
    upright, turned = (
        np.argwhere(oval((centred @ r.T + middle).astype(np.float32), SIDE, part) > 0)
        for r in (np.eye(2) * scale, rotation)
    )
    expected = (upright.mean(axis=0)[::-1] - middle) @ (rotation / scale).T
    assert turned.mean(axis=0)[::-1] - middle == pytest.approx(expected, abs=2.5)


def test_parts_lie_where_they_are_called():
    places = {part: np.argwhere(oval(LANDMARKS, SIDE, part) > 0) for part in PARTS}
    middles = {part: place.mean(axis=0) for part, place in places.items()}
    assert middles["eyes"][0] < middles["nose"][0] < middles["mouth"][0]
    assert middles["left"][1] < middles["nose"][1] < middles["right"][1]
    assert max(places, key=lambda part: len(places[part])) == "face"
    for part, point in (("eyes", 0), ("eyes", 1), ("nose", 2), ("mouth", 3), ("mouth", 4)):
        x, y = LANDMARKS[point].astype(int)
        assert oval(LANDMARKS, SIDE, part)[y, x] == 1
