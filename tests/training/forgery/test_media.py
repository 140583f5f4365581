"""Media treat a pair alike, leave everything in its place, and repeat."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.data.codecs import h264_clip
from training.forgery.augment import Augmentation
from training.forgery.media import STILL, Media, filmed, screened, treat

NOTHING = Media(Augmentation(**STILL), Augmentation(**STILL), 0, 0, jpeg=0, webp=0)
CLIP = Media(h264_crf=(20, 20), h264_scale=(1, 1))


@pytest.fixture(scope="module")
def face(faces):
    return faces.picture(0)


def off(one, other):
    return np.abs(one.astype(int) - other).mean()


def test_the_same_picture_twice_stays_the_same_twice(face):
    for seed in range(12):
        treated = treat(face, face, np.random.default_rng(seed))
        assert treated.real.shape == face.shape
        assert treated.real.dtype == np.uint8
        assert np.array_equal(treated.real, treated.fake)
        assert np.array_equal(treated.clean_real, treated.clean_fake)


def test_the_same_draw_gives_the_same_way(faces):
    pictures = faces.picture(0), faces.picture(1)
    one, again, other = (treat(*pictures, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one.fake, again.fake)
    assert not np.array_equal(one.fake, other.fake)


def test_without_media_nothing_changes(face):
    treated = treat(face, face, np.random.default_rng(1), NOTHING)
    assert np.array_equal(treated.real, face)
    assert np.array_equal(treated.clean_real, face)


def test_a_clean_view_differs_in_quality_only(face):
    rough = Media(h264=0, jpeg=1, jpeg_quality=(30, 30), wear=Augmentation(**STILL), screen=0)
    for seed in range(5):
        treated = treat(face, face, np.random.default_rng(seed), rough)
        assert 0 < off(treated.real, treated.clean_real) < 6


@pytest.mark.parametrize("medium", ["clip", "screen"])
def test_a_medium_leaves_the_face_in_its_place(face, medium):
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32)
    still, _ = cv2.phaseCorrelate(grey, grey)  # OpenCV's own zero
    for seed in range(6):
        rng = np.random.default_rng(seed)
        shown = filmed(face, rng, CLIP) if medium == "clip" else screened(face, rng)
        other = cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY).astype(np.float32)
        shift, _ = cv2.phaseCorrelate(grey, other)
        assert np.linalg.norm(np.subtract(shift, still)) < 0.2, "px"


def test_a_clip_loses_more_at_a_higher_rate_factor(face):
    losses = []
    for crf in (20, 30, 40):
        how = Media(h264_crf=(crf, crf), h264_scale=(1, 1))
        losses.append(off(filmed(face, np.random.default_rng(2), how), face))
    assert losses == sorted(losses)
    assert losses[0] < 4 < losses[2] * 2


@pytest.mark.parametrize("share", [0.35, 0.5, 0.77])
def test_a_clip_of_any_size_comes_back_at_its_own(face, share):
    how = Media(h264_scale=(share, share))
    assert filmed(face, np.random.default_rng(1), how).shape == face.shape


def test_frames_come_out_in_the_order_of_showing():
    """B frames are coded out of order: each frame must still be the one that is asked for."""
    levels = (40, 80, 120, 160, 200)
    frames = [np.full((64, 64, 3), level, np.uint8) for level in levels]
    for which, level in enumerate(levels):
        assert h264_clip(20, frames, which).mean() == pytest.approx(level, abs=3)


def test_the_same_frames_make_the_same_clip(face):
    """An encoder that reads unwritten memory once made them differ: a mark that tells a fake."""
    for seed in range(3):
        views = [filmed(face, np.random.default_rng(seed), CLIP) for _ in range(6)]
        assert all(np.array_equal(views[0], view) for view in views[1:])
