"""Which faces are looked for in which pictures of a video."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from server.analysis import cascade
from server.analysis.faces import FaceFinder
from server.analysis.finding import find_each
from server.analysis.records import Faces, Frame


@pytest.fixture(scope="module")
def scene(astronaut: np.ndarray) -> np.ndarray:
    """A face of more than 200 px, and one of less than 50 px beside it."""
    scene = np.full((720, 1280, 3), 90, np.uint8)
    scene[:, :720] = cv2.resize(astronaut, (1100, 1100))[:720, 200:920]
    scene[300:520, 900:1120] = cv2.resize(astronaut, (220, 220), interpolation=cv2.INTER_AREA)
    return scene


def _found(pictures: list[np.ndarray], step_s: float, threads: int = 2) -> list[Faces]:
    frames = (Frame(index, step_s * index, rgb) for index, rgb in enumerate(pictures))
    return [faces for _, faces in find_each(FaceFinder(), frames, threads)]


def test_a_small_face_beside_a_large_one_is_looked_for_once_a_second_until_it_is_known(
    scene: np.ndarray,
) -> None:
    large = scene.copy()
    large[:, 720:] = 90
    found = _found([large] * 5 + [scene] * 8, 1 / 3)
    # All sizes are looked for in pictures 0, 1, 4, 7 and 10.
    assert [len(faces) for faces in found] == [1] * 5 + [1, 1, 2, 1, 1, 2, 2, 2]
    expected = FaceFinder().find(large).boxes[0]
    for faces in found:
        assert np.abs(faces.boxes - expected).max(axis=1).min() < 1  # px


def test_pictures_that_are_seconds_apart_are_all_looked_at_whole(scene: np.ndarray) -> None:
    large = scene.copy()
    large[:, 720:] = 90
    found = _found([large] * 2 + [scene] * 4, 2.0)
    assert [len(faces) for faces in found] == [1] * 2 + [2] * 4


def test_what_is_found_does_not_depend_on_the_threads(scene: np.ndarray) -> None:
    one, three = (_found([scene] * 6, 1 / 3, threads) for threads in (1, 3))
    for faces, same in zip(one, three, strict=True):
        np.testing.assert_array_equal(faces.boxes, same.boxes)


def test_a_level_is_left_out_only_if_all_that_it_shows_is_smaller() -> None:
    picture = np.zeros((360, 640, 3), np.float32)
    scales = [scale for scale, _ in cascade.pyramid(picture)]
    for least_px in (20, 28, 30, 50):
        left = [scale for scale, _ in cascade.pyramid(picture, least_px)]
        assert left == [scale for scale in scales if 12 / scale / 0.709 > least_px]
        # The next level shows faces 1.41 times as large, and each level shows some of both.
        assert 12 / left[0] <= max(20, least_px)
