"""What each maker does to a face, apart from chance."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.data.crops import SIDE_PX
from training.forgery import blends, generator, hulls, reenact, swap, views

MOVE = np.array([7, -5], np.float32)  # px


@pytest.fixture(scope="module")
def face(faces):
    return faces.picture(0)


def test_maps_between_points_are_found_again(faces):
    points = faces.points[0]
    turn = 1.1 * np.array([[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]])
    wanted = (points @ turn.T + MOVE).astype(np.float32)
    for find in (blends.affine, blends.similarity):
        matrix = find(points, wanted)
        np.testing.assert_allclose(matrix, np.hstack([turn, MOVE[:, None]]), atol=1e-3)


def test_a_self_blend_changes_source_and_target_equally_often(faces, face):
    reals = [blends.self_blend(faces, 0, np.random.default_rng(s)).real for s in range(60)]
    untouched = sum(np.array_equal(real, face) for real in reals)
    assert 18 <= untouched <= 42


def test_a_view_differs_little_unless_it_is_crude(face):
    off = [
        np.abs(views.other_view(face, np.random.default_rng(s)).astype(int) - face).mean()
        for s in range(40)
    ]
    assert 3 < np.median(off) < 25


def test_colours_are_matched_within_the_mask(face):
    dark = (face * 0.5).astype(np.uint8)
    mask = np.zeros(face.shape[:2], np.float32)
    mask[60:160, 60:160] = 1
    matched = views.matched(dark, face, mask, np.random.default_rng(1))
    off = [np.abs(p.astype(float)[mask > 0].mean(axis=0) - face[mask > 0].mean(axis=0)).max()
           for p in (dark, matched)]  # fmt: skip
    assert off[1] < off[0] / 3


def test_a_face_bent_onto_itself_stays(faces, face):
    view, covered = swap.bent_onto(face, faces.points[0], faces.points[0], faces.triangles)
    inside = covered > 0
    assert inside.mean() > 0.4
    assert np.abs(view[inside].astype(int) - face[inside]).max() <= 1


def test_a_bent_face_follows_its_points(faces, face):
    points = faces.points[0]
    view, covered = swap.bent_onto(face, points, points + MOVE, faces.triangles)
    shift = np.hstack([np.eye(2), MOVE[:, None]])
    expected = cv2.warpAffine(face, shift, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REPLICATE)
    inside = covered > 0
    assert np.abs(view[inside].astype(int) - expected[inside]).mean() < 1


def test_a_poisson_blend_takes_the_target_s_colours_and_leaves_the_rest(face):
    green = views.by_channel(face, 1.0, np.array([-30, 30, -30]))
    hull = np.zeros(face.shape[:2], np.float32)
    hull[50:180, 50:170] = 1
    pair = swap.poisson(green, face, hull)
    assert np.array_equal(pair.fake[pair.mask == 0], face[pair.mask == 0])
    assert np.abs(pair.fake.astype(int) - face)[hull > 0].mean() < 6
    nothing = swap.poisson(green, face, np.zeros_like(hull))
    assert np.array_equal(nothing.fake, face)


def test_no_move_leaves_a_face_as_it_is(face):
    still = np.zeros((SIDE_PX, SIDE_PX, 2), np.float32)
    assert np.array_equal(reenact.moved(face, still), face)


def test_an_opened_mouth_moves_the_lip_and_not_the_eyes(faces):
    points = faces.points[0]
    for seed in range(10):
        field = reenact.field_of(points, [reenact.OPEN], np.random.default_rng(seed))
        far = np.linalg.norm(field, axis=2)
        at = {n: far[tuple(points[n][::-1].astype(int))] for n in (17, 33, 263)}
        assert 0.02 < at[17] / hulls.height_px(points) < 0.15  # several points pull at the lip
        assert max(at[33], at[263]) < 0.1


def test_an_upsampled_picture_keeps_its_light_and_shows_its_grid(face):
    small = cv2.resize(face, (112, 112), interpolation=cv2.INTER_AREA)
    flat = np.full((112, 112, 3), 128, np.uint8)
    grids = []
    for seed in range(10):
        large = generator.upsampled(small, np.random.default_rng(seed))
        assert large.shape == (224, 224, 3)
        assert np.abs(large.mean() - small.mean()) < 6
        plain = generator.upsampled(flat, np.random.default_rng(seed))
        grids.append(np.ptp([plain[y::2, x::2].mean() for y in (0, 1) for x in (0, 1)]))
    assert 0.5 < np.mean(grids) < 16


def test_a_generated_picture_shows_the_same_as_its_real(faces):
    for seed in range(10):
        pair = generator.generated_picture(faces, 0, np.random.default_rng(seed))
        coarse = [cv2.resize(p, (14, 14), interpolation=cv2.INTER_AREA).astype(int)
                  for p in (pair.real, pair.fake)]  # fmt: skip
        assert np.abs(coarse[0] - coarse[1]).max() < 14
        assert pair.mask.min() == 1
