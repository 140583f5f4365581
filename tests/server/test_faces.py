"""The cascade finds what the `mtcnn` package finds, in pictures of every size and kind."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.agreement import PARTS, Agreement, Package, compare, frames
from models import registry
from server.analysis.faces import FaceFinder
from server.analysis.records import Faces
from server.errors import ModelError
from tests.server.scenes import background, scene


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder(min_face_px=20)


@pytest.fixture(scope="module")
def package() -> Package:
    return Package()


def same(one: Faces, other: Faces) -> bool:
    pairs = ((getattr(one, name), getattr(other, name)) for name in one.__slots__)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_it_finds_the_faces_that_the_package_finds(
    finder: FaceFinder, package: Package, astronaut: np.ndarray
) -> None:
    pictures = [scene(astronaut, seed, faces=1 + seed % 4) for seed in range(24)]
    pictures += [astronaut, np.tile(cv2.resize(astronaut, (200, 200)), (2, 3, 1))]
    counted = sum((compare(finder.find(p), package.find(p)) for p in pictures), Agreement())
    assert counted.expected > 40
    assert counted.holds(), counted.fractions()


def test_landmarks_are_in_the_order_that_they_are_named(
    finder: FaceFinder, astronaut: np.ndarray
) -> None:
    (marks,) = finder.find(astronaut).landmarks
    left_eye, right_eye, nose, left_mouth, right_mouth = marks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_a_grey_picture_has_its_face_too(finder: FaceFinder, astronaut: np.ndarray) -> None:
    grey = np.repeat(astronaut.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert len(finder.find(grey)) == 1


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (2, 3), (11, 11), (12, 12), (19, 25), (12, 3000), (3000, 5)]
)
@pytest.mark.parametrize("min_face_px", [1, 20, 40, 500])
def test_a_tiny_or_narrow_picture_has_no_face(height: int, width: int, min_face_px: int) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    assert len(FaceFinder(min_face_px).find(picture)) == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_picture_without_a_face_gives_none(finder: FaceFinder, seed: int) -> None:
    picture = background(np.random.default_rng(seed), 200, 320)
    assert same(finder.find(picture), Faces.none())


def test_a_picture_larger_than_cv2_can_sample(astronaut: np.ndarray) -> None:
    wide = np.zeros((400, 40_000, 3), np.uint8)
    wide[:, 39_000:39_400] = cv2.resize(astronaut, (400, 400))
    (box,) = FaceFinder(40).find(wide).boxes
    assert 39_000 < box[0] < box[2] < 39_400


def test_faces_in_a_4k_picture(astronaut: np.ndarray) -> None:
    large = np.tile(cv2.resize(astronaut, (960, 1080)), (2, 4, 1))
    assert len(FaceFinder(40).find(large)) == 8


def test_the_smallest_face_only_sets_the_scale(finder: FaceFinder, astronaut: np.ndarray) -> None:
    """Three times as large with faces from three times the size: the same work, the same faces."""
    picture = scene(astronaut, 3)
    large = picture.repeat(3, axis=0).repeat(3, axis=1)
    expected, found = finder.find(picture), FaceFinder(60).find(large)
    assert len(found) > 1
    np.testing.assert_allclose(found.boxes, expected.boxes * 3, atol=0.01)
    np.testing.assert_allclose(found.landmarks, expected.landmarks * 3, atol=0.01)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_faces_smaller_than_wanted_are_left_out(astronaut: np.ndarray) -> None:
    (box,) = FaceFinder(40).find(astronaut).boxes
    side = float((box[2:] - box[:2]).max())
    assert len(FaceFinder(round(side * 0.9)).find(astronaut)) == 1
    assert len(FaceFinder(round(side * 1.1)).find(astronaut)) == 0


def test_boxes_stay_within_the_picture_best_first(
    finder: FaceFinder, astronaut: np.ndarray
) -> None:
    half = np.ascontiguousarray(np.tile(astronaut[75:, :235], (1, 2, 1)))  # faces cut by an edge
    for picture in (half, scene(astronaut, 5)):
        faces = finder.find(picture)
        assert len(faces) > 0
        height, width = picture.shape[:2]
        assert (faces.boxes >= 0).all()
        assert (faces.boxes <= [width - 1, height - 1] * 2).all()
        assert (faces.boxes[:, 2:] > faces.boxes[:, :2]).all()
        assert (np.diff(faces.scores) <= 0).all()
        assert ((faces.scores > 0.8) & (faces.scores <= 1)).all()


def test_a_finder_keeps_nothing_of_earlier_pictures(
    finder: FaceFinder, astronaut: np.ndarray
) -> None:
    pictures = [scene(astronaut, seed) for seed in (1, 2)]
    pictures += [np.zeros((30, 40, 3), np.uint8), astronaut]
    alone = [FaceFinder(20).find(picture) for picture in pictures]
    in_turn = [finder.find(picture) for picture in pictures]
    assert all(same(*pair) for pair in zip(alone, in_turn, strict=True))


def test_the_picture_is_left_as_it_was(finder: FaceFinder, astronaut: np.ndarray) -> None:
    picture = astronaut.copy()
    picture.flags.writeable = False
    finder.find(picture)
    np.testing.assert_array_equal(picture, astronaut)


def test_a_damaged_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = shutil.copytree(registry.WEIGHTS, tmp_path / "weights")
    network = weights / "mtcnn-rnet.tflite"
    network.write_bytes(network.read_bytes()[:-1])
    monkeypatch.setattr(registry, "WEIGHTS", weights)
    registry.spec.cache_clear()
    try:
        with pytest.raises(ModelError, match=r"mtcnn-rnet\.tflite is not the registered file"):
            FaceFinder()
    finally:
        registry.spec.cache_clear()


@pytest.mark.data
@pytest.mark.slow
def test_it_finds_the_packages_faces_in_real_clips(
    finder: FaceFinder, package: Package, shared_data: Path
) -> None:
    """The middle frame of every fifth clip; `python -m benchmarks agreement` counts more."""
    clips = sorted(clip for pattern in PARTS.values() for clip in shared_data.glob(pattern))[::5]
    middles = (rgb for clip in clips for rgb in frames(clip, 1))
    counted = sum((compare(finder.find(rgb), package.find(rgb)) for rgb in middles), Agreement())
    assert counted.frames == len(clips) > 0
    assert counted.holds(), counted.fractions()
