"""Hulls lie where they are called, and grow soft without growing larger than they may."""

from __future__ import annotations

import numpy as np
import pytest

from training.forgery import hulls

EYES, MOUTH, TEMPLES, FOREHEAD = (33, 263), (61, 291, 13, 14), (234, 454), (10,)


def inside(mask, points, numbers):
    return [mask[tuple(np.rint(points[n])[::-1].astype(int))] == 1 for n in numbers]


@pytest.mark.parametrize(
    ("hull", "has", "lacks"),
    [
        (hulls.whole, EYES + MOUTH, ()),
        (hulls.below_forehead, EYES + MOUTH, FOREHEAD),
        (hulls.within_outline, (168, 13), TEMPLES),
        (hulls.below_brows, MOUTH, FOREHEAD),
        (hulls.lower_half, (13, 14), EYES + FOREHEAD),
        (hulls.mouth_and_jaw, (13, 14), EYES),
        (hulls.eyes, (133, 362), MOUTH),
    ],
)
def test_a_hull_covers_what_it_is_called(faces, hull, has, lacks):
    for seed in range(5):
        points = faces.points[0]
        mask = hulls.filled(hull(points, np.random.default_rng(seed)))
        assert all(inside(mask, points, has))
        assert not any(inside(mask, points, lacks))


def test_every_hull_of_a_turned_face_turns_with_it(faces):
    points = faces.points[0]
    turn = np.array([[0, -1], [1, 0]], np.float32)
    middle = np.array([112, 112], np.float32)
    turned = (points - middle) @ turn.T + middle
    for hull in hulls.HULLS:
        one, other = (hull(p, np.random.default_rng(1)) for p in (points, turned))
        np.testing.assert_allclose((one - middle) @ turn.T + middle, other, atol=1e-3)


def test_hard_masks_are_large_enough_to_be_learned_from(faces):
    for seed in range(60):
        mask = hulls.hard(faces.points[1], np.random.default_rng(seed))
        assert set(np.unique(mask)) == {0, 1}
        assert mask.mean() >= hulls.LEAST_AREA


def test_soft_masks_reach_one_and_stay_near_their_hull(faces):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mask = hulls.hard(faces.points[0], rng)
        edge = hulls.soft(mask, rng)
        assert edge.max() == 1
        assert edge.min() >= 0
        assert edge.sum() < mask.sum() * 1.6
        assert len(np.unique(edge)) > 10


def test_a_wobble_is_as_strong_as_it_is_told():
    fields = [hulls.wobble(2.0, 7, np.random.default_rng(seed)) for seed in range(20)]
    assert np.std(fields) == pytest.approx(2.0, rel=0.15)
    steps = np.abs(np.diff(fields, axis=2))
    assert steps.max() < 1.5, "it is smooth"
