"""Our own fakes: from reals alone, of other people's faces that look alike, and repeatable."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.training.pictures import write_data
from training.data import crops as data
from training.fakes import ALIKE, SIDE_PX, Reals, look_alikes, reals, region_swap
from training.feed import Feed

LANDMARKS = np.array([[70, 93], [154, 93], [112, 128], [84, 168], [140, 168]], np.float32)
MOVED = np.array([9, -6], np.float32)  # px


def encoded(rgb: np.ndarray) -> bytes:
    return cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()


@pytest.fixture(scope="module")
def face(astronaut):
    return cv2.resize(astronaut[60:200, 155:295], (SIDE_PX, SIDE_PX))


@pytest.fixture(scope="module")
def some(face):
    """One face, sharp and more and more blurred, as three people."""
    pictures = [face, *(cv2.GaussianBlur(face, (0, 0), sigma) for sigma in (3, 6))]
    donors = np.array([[1, 2] * (ALIKE // 2), [0] * ALIKE, [0] * ALIKE])
    return Reals(tuple(map(encoded, pictures)), np.stack([LANDMARKS] * 3), donors)


def test_a_fake_differs_from_its_real_in_part_only(some):
    for seed in range(20):
        real, fake = some.pair(np.random.default_rng(seed))
        changed = (real != fake).any(axis=2)
        assert real.shape == fake.shape == (SIDE_PX, SIDE_PX, 3)
        assert changed.any()
        assert not changed.all()


def test_the_same_draw_gives_the_same_pair(some):
    one, again, other = (some.pair(np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_swap_brings_the_donor_where_the_face_is_in_its_light(face):
    """A donor that is the same face, moved and darker, is brought back: hardly anything changes."""
    shift = np.hstack([np.eye(2), MOVED[:, None]])
    moved = cv2.warpAffine(face, shift, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REPLICATE)
    darker = (moved * 0.7).astype(np.uint8)
    blend = region_swap((face, LANDMARKS), (darker, LANDMARKS + MOVED), seed=1)
    inside = blend.mask > 0.5
    assert inside.any()
    assert np.array_equal(blend.rgb[blend.mask == 0], face[blend.mask == 0])
    off = np.abs(blend.rgb.astype(int) - face)[inside].mean()
    assert off < 8 < np.abs(darker.astype(int) - face)[inside].mean()


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


def test_faces_are_found_once_and_kept(face, tmp_path, monkeypatch):
    count = ALIKE + 2
    crops = data.Crops(
        tuple(f"real/{n}.png" for n in range(count)),
        (encoded(face),) * (count - 1) + (encoded(np.zeros_like(face)),),
        np.zeros(count, bool),
        np.array([f"person {n}" for n in range(count)]),
        np.array([str(n) for n in range(count)]),
    )
    found = reals(crops, tmp_path)
    assert len(found) == count - 1, "the black picture shows no face"
    monkeypatch.setattr("training.fakes._faces", None)  # would fail if they were looked for again
    again = reals(crops, tmp_path)
    np.testing.assert_array_equal(found.landmarks, again.landmarks)


def test_too_few_faces_are_refused(face, tmp_path):
    nobody = data.part(write_data(tmp_path), "val")  # smooth colours: no face among them
    with pytest.raises(ValueError, match="look-alikes need more"):
        reals(nobody, tmp_path / "kept")


def test_a_batch_ends_with_our_own_pairs(some, tmp_path):
    crops = data.part(write_data(tmp_path), "train")
    plain = Feed(crops, 32, pairs_per_batch=4, seed=1)
    feed = Feed(crops, 32, pairs_per_batch=4, seed=1, own=((some, 2), (some, 1)))
    assert feed.steps_per_epoch == plain.steps_per_epoch
    (alone, _), (x, y) = next(plain.batches(2, 3)), next(feed.batches(2, 3))
    assert x.shape == (14, 32, 32, 3)
    assert y.ravel().tolist() == [0, 1] * 7
    np.testing.assert_array_equal(x[:8], alone)
    np.testing.assert_array_equal(x, list(feed.batches(0, 3))[2][0])
