from __future__ import annotations

import numpy as np
import pytest

from server.analysis.cuts import Scenes, likeness, thumbnail
from server.analysis.records import Frame
from tests.server.people import ground, standing, two_people, walk


def numbers(pictures: list[np.ndarray], step_s: float = 1 / 3) -> list[int]:
    scenes = Scenes()
    return [scenes.number(Frame(i, i * step_s, rgb)) for i, rgb in enumerate(pictures)]


def test_every_cut_begins_a_scene() -> None:
    assert numbers([ground(seed) for seed in (0, 0, 1, 1, 2, 0)]) == [0, 0, 1, 1, 2, 3]


def test_a_flash_is_no_cut() -> None:
    white = np.full_like(ground(), 250)
    assert numbers([ground(), ground(), white, ground(), ground()]) == [0, 0, 1, 0, 0]


def test_a_scene_that_comes_back_later_is_another_one() -> None:
    assert numbers([ground(0), ground(1), ground(0)], step_s=1.0) == [0, 1, 2]


def test_black_pictures_are_one_scene() -> None:
    assert numbers([np.zeros_like(ground())] * 4) == [0, 0, 0, 0]


def test_people_who_move_are_no_cut(astronaut: np.ndarray) -> None:
    first, second = two_people(astronaut)
    paths = [[(float(x), 180.0) for x in range(60, 600, 90)], standing(6, 460)]
    assert set(numbers(list(walk([first, second], paths)))) == {0}


@pytest.mark.parametrize("gain", [0.4, 0.7, 1.3])
def test_exposure_is_no_cut(gain: float) -> None:
    changed = np.clip(ground() * gain, 0, 255).astype(np.uint8)
    assert numbers([ground(), changed]) == [0, 0]


@pytest.mark.parametrize("shift", [20, 60, 120])
def test_a_turning_camera_is_no_cut(shift: int) -> None:
    wide = np.concatenate([ground(0), ground(1)], axis=1)
    pictures = [wide[:, at : at + 640] for at in range(0, 4 * shift + 1, shift)]
    assert set(numbers(pictures)) == {0}


def test_likeness_is_symmetric_and_full_for_the_same_picture() -> None:
    first, second = thumbnail(ground(0)), thumbnail(ground(1))
    assert likeness(first, first) == pytest.approx(1, abs=0.01)
    assert likeness(first, second) == pytest.approx(likeness(second, first), abs=1e-6)
    assert likeness(first, second) < 0.6
