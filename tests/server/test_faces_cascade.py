"""The cascade's steps one by one: against TensorFlow where it has them, else by what must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models import registry
from server.analysis import cascade
from server.analysis.runtimes.tflite import TfliteRuntime

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def rows(draw: st.DrawFn, most: int = 40) -> np.ndarray:
    """Rows [N, 5] with crowded boxes of whole pixels, best first, no two with one logit."""
    corners = draw(
        hnp.arrays(np.int64, (draw(st.integers(0, most)), 4), elements=st.integers(1, 30))
    )
    low, size = corners[:, :2], corners[:, 2:]
    logits = np.arange(len(corners), 0, -1)[:, None]
    return np.concatenate([low, low + size, logits], axis=1).astype(np.float32)


def overlap(a: np.ndarray, b: np.ndarray, of: str) -> float:
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    area = [(r[2] - r[0]) * (r[3] - r[1]) for r in (a, b)]
    return width * height / (min(area) if of == "smaller" else sum(area) - width * height)


@given(rows(), st.sampled_from(["both", "smaller"]))
def test_a_row_goes_if_any_better_one_overlaps_it(some: np.ndarray, of: str) -> None:
    expected = [
        row for i, row in enumerate(some) if all(overlap(row, b, of) <= 0.55 for b in some[:i])
    ]
    found = cascade.nms_nongreedy(some, 0.55, of)
    np.testing.assert_array_equal(found, np.array(expected, np.float32).reshape(-1, 5))


@given(rows(), st.sampled_from(["both", "smaller"]), st.sampled_from([0.5, 0.7]))
def test_what_is_unrivalled_stays_so(some: np.ndarray, of: str, most: float) -> None:
    once = cascade.nms_nongreedy(some, most, of)
    np.testing.assert_array_equal(cascade.nms_nongreedy(once, most, of), once)
    np.testing.assert_array_equal(once[:1], some[:1])


@given(rows(), st.sampled_from([0.25, 2, 8]), st.integers(-100, 100))
def test_rivalry_knows_neither_scale_nor_place(some: np.ndarray, scale: float, by: int) -> None:
    moved = some * np.array([scale] * 4 + [1], np.float32) + np.array([by] * 4 + [0], np.float32)
    kept, kept_moved = (cascade.nms_nongreedy(each, 0.55)[:, 4] for each in (some, moved))
    np.testing.assert_array_equal(kept, kept_moved)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_many_rows_are_compared_like_few(seed: int) -> None:
    """More rows than are compared at a time, in clusters far from each other."""
    random = np.random.default_rng(seed)
    low = np.stack([np.arange(300) * 100, np.zeros(300)], axis=1).repeat(4, axis=0)
    low = low + random.integers(0, 12, low.shape)
    some = np.concatenate([low, low + 30, random.permutation(1200)[:, None]], axis=1)
    some = cascade.best_first(some.astype(np.float32))
    expected = [cascade.nms_nongreedy(some[some[:, 0] // 100 == i], 0.5) for i in range(300)]
    found = cascade.nms_nongreedy(some, 0.5)
    np.testing.assert_array_equal(found, cascade.best_first(np.concatenate(expected)))


@given(rows())
def test_squares_hold_their_boxes(some: np.ndarray) -> None:
    square = cascade.to_square(some)
    np.testing.assert_array_equal(np.diff(square[:, [0, 2]]), np.diff(square[:, [1, 3]]))
    assert (square[:, :2] <= some[:, :2]).all()
    assert (square[:, 2:4] >= some[:, 2:4]).all()
    np.testing.assert_array_equal(cascade.to_square(square), square)


@given(rows())
def test_offsets_of_zero_move_nothing(some: np.ndarray) -> None:
    answers = np.zeros_like(some)
    answers[:, 4] = 7
    moved = cascade.regress(some, answers)
    np.testing.assert_array_equal(moved[:, :4], some[:, :4])
    assert (moved[:, 4] == 7).all()


def test_a_cell_is_a_window_of_the_picture() -> None:
    answer = np.full((5, 6, 5), -9, np.float32)
    answer[2, 4] = [0, 0.5, 0, 1, 3]
    expected = [
        [(2 * 4 + 1) * 2, (2 * 2 + 1 + 5.5) * 2, (2 * 4 + 12) * 2, (2 * 2 + 12 + 11) * 2, 3]
    ]
    np.testing.assert_array_equal(cascade.windows(answer, 0.5, 0.0), np.array(expected, np.float32))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (360, 640), (97, 203), (720, 405)])
def test_the_pyramid_is_tensorflows_resizing_by_area(height: int, width: int) -> None:
    import tensorflow as tf

    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.float32)
    levels = list(cascade.pyramid(picture))
    assert levels
    for scale, level in levels:
        size = [int(height * scale), int(width * scale)]
        expected = tf.image.resize(picture, size, method=tf.image.ResizeMethod.AREA).numpy()
        np.testing.assert_allclose(level, expected, atol=0.01)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_windows_are_tensorflows_crops(seed: int) -> None:
    """Exactly so from cv2 5.0 on; cv2 4 samples at 32nds of a pixel."""
    import tensorflow as tf

    random = np.random.default_rng(seed)
    height, width = random.integers(40, 90, 2)
    picture = random.uniform(0, 255, (height, width, 3)).astype(np.float32)
    low = random.uniform(-20, 60, (7, 2))
    some = np.concatenate([low, low + random.uniform(5, 60, (7, 2)), np.zeros((7, 1))], axis=1)
    some = some.astype(np.float32)
    places = some[:, [1, 0, 3, 2]] / np.array([height, width] * 2)
    expected = tf.image.crop_and_resize(
        picture[None], places, np.zeros(7, np.int32), (24, 24), extrapolation_value=cascade.OUTSIDE
    ).numpy()
    np.testing.assert_allclose(cascade.extract_patches(picture, some, 24), expected, atol=0.02)


def test_no_rows_pass_through_every_step() -> None:
    picture, none = np.zeros((50, 60, 3), np.float32), np.empty((0, 5), np.float32)
    assert cascade.extract_patches(picture, none, 24).shape == (0, 24, 24, 3)
    assert cascade.to_square(cascade.nms_nongreedy(cascade.best_first(none), 0.5)).shape == (0, 5)
    assert cascade.landmarks(none, np.empty((0, 15), np.float32)).shape == (0, 10)


@settings(deadline=None, max_examples=30)
@given(st.integers(12, 90), st.integers(12, 90), st.integers(20, 4000), SEEDS)
def test_strips_of_a_level_give_the_very_numbers_of_the_whole(
    high: int, wide: int, most: int, seed: int
) -> None:
    pnet = TfliteRuntime(registry.spec("mtcnn").file("pnet"))
    level = np.random.default_rng(seed).uniform(0, 255, (high, wide, 3)).astype(np.float32)
    whole = pnet.run(level[None])[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cascade, "STRIP_PIXELS", most)
        np.testing.assert_array_equal(cascade.in_strips(pnet, level), whole)
