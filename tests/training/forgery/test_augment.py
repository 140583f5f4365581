"""Augmentation changes pictures, the two of a pair alike, and can be replayed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.training.pictures import picture
from training.forgery.augment import Augmentation, augment

CHANGES = [f.name for f in dataclasses.fields(Augmentation) if f.type == "float"]
NOTHING = Augmentation(**dict.fromkeys(CHANGES, 0.0))


@pytest.fixture
def face() -> np.ndarray:
    return picture(np.random.default_rng(1), fake=False, side_px=96)


def test_with_nothing_to_do_nothing_changes(face):
    np.testing.assert_array_equal(augment(face, np.random.default_rng(0), NOTHING), face)


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_keeps_shape_and_most_of_the_picture(face, change):
    how = dataclasses.replace(NOTHING, **{change: 1.0})
    changed = augment(face, np.random.default_rng(3), how)
    assert changed.shape == face.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, face)
    if change != "flip":
        assert np.corrcoef(changed.ravel(), face.ravel())[0, 1] > 0.8


def test_the_same_seed_gives_the_same_course(face):
    courses = [augment(face, np.random.default_rng(s), Augmentation()) for s in (7, 7, 8)]
    np.testing.assert_array_equal(courses[0], courses[1])
    assert not np.array_equal(courses[0], courses[2])


def test_compression_keeps_colours(face):
    how = dataclasses.replace(NOTHING, jpeg=1.0, jpeg_quality=(95, 95))
    assert np.abs(augment(face, np.random.default_rng(0), how).astype(int) - face).mean() < 4
