"""Donors are other people who look alike."""

from __future__ import annotations

import numpy as np

from training.forgery.donors import ALIKE, look_alikes

LANDMARKS = np.array([[70, 93], [154, 93], [112, 128], [84, 168], [140, 168]], np.float32)


def test_look_alikes_are_other_people_of_like_shape_and_light():
    rng = np.random.default_rng(0)
    wide = LANDMARKS * np.array([1.3, 1], np.float32)
    shapes = np.stack([*[LANDMARKS] * 20, *[wide] * 20]) + rng.normal(0, 0.5, (40, 5, 2))
    people = np.array([f"person {n % 10}" for n in range(40)])
    donors = look_alikes(shapes.astype(np.float32), np.full((40, 3), 0.5, np.float32), people)
    assert donors.shape == (40, ALIKE)
    for face, row in enumerate(donors):
        assert all(people[donor] != people[face] for donor in row)
        assert all((donor < 20) == (face < 20) for donor in row)
