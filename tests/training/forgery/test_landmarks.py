"""Faces are found once, kept by content, and go on after a stop."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from training.data import crops as data
from training.data.crops import SIDE_PX
from training.forgery import landmarks
from training.forgery.landmarks import Faces, disagreement, picture, prepare
from training.forgery.mesh import FaceMesh, fetch


def encoded(rgb):
    return cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()


def some(images, fake=()):
    names = tuple(f"real/{n}.png" for n in range(len(images)))
    people = np.array(names)
    is_fake = np.isin(np.arange(len(images)), fake)
    return data.Crops(names, tuple(images), is_fake, people, people)


@pytest.fixture
def kept(faces, tmp_path):
    """A cache in which the portraits are known."""
    keys = [hashlib.blake2b(image, digest_size=16).hexdigest() for image in faces.images]
    light = np.full((len(keys), 3), 0.5, np.float32)
    found = np.ones(len(keys), bool)
    path = tmp_path / landmarks.NAME
    np.savez(path, keys=keys, found=found, five=faces.five, points=faces.points, light=light)
    return tmp_path


def test_known_faces_need_no_network(crops, faces, kept, monkeypatch):
    monkeypatch.setattr(landmarks, "FaceMesh", None)  # would fail if they were looked at again
    again = prepare(crops, kept)
    np.testing.assert_array_equal(again.points, faces.points)
    assert again.donors[0].tolist() == [1] * again.donors.shape[1]
    assert again.identities.tolist() == crops.identities.tolist()


def test_fakes_and_faces_on_which_the_networks_disagree_are_left_out(crops, faces, kept):
    fakes_too = some([*crops.images, crops.images[0]], fake=[2])
    assert len(prepare(fakes_too, kept)) == 2
    with np.load(kept / landmarks.NAME) as file:
        columns = dict(file)
    columns["points"][1] += 40  # px
    np.savez(kept / landmarks.NAME, **columns)
    with pytest.raises(ValueError, match="faces were found in 1 of 2 reals"):
        prepare(crops, kept)


@pytest.mark.parametrize("kept_bytes", [0, 1, 1000])
def test_a_damaged_cache_is_named(crops, kept, kept_bytes):
    path = kept / landmarks.NAME
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(ValueError, match=r"faces\.npz is damaged; remove it"):
        prepare(crops, kept)


def test_without_the_network_the_cure_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="forgery-mesh"):
        FaceMesh(tmp_path / "none.tflite")


def test_arrays_that_do_not_belong_together_are_refused(faces):
    with pytest.raises(ValueError, match="1 faces with arrays"):
        Faces(faces.images[:1], faces.five, faces.points, faces.donors, faces.identities)


def test_pictures_of_other_sizes_are_scaled(faces):
    large = cv2.resize(faces.picture(0), (300, 300))
    wide = cv2.resize(faces.picture(0), (300, 200))
    for rgb in (large, wide):
        assert picture(encoded(rgb)).shape == (SIDE_PX, SIDE_PX, 3)


def test_the_networks_agree_on_the_portraits_and_not_on_moved_points(faces):
    assert (disagreement(faces.five, faces.points) < 0.06).all()
    assert (disagreement(faces.five, faces.points + 40) > landmarks.DISAGREEMENT).all()


def test_triangles_cover_all_points_of_the_mean_face(faces):
    assert set(faces.triangles.ravel()) == set(range(468))
    areas = [
        cv2.contourArea(faces.points[0][corners].astype(np.float32)) for corners in faces.triangles
    ]
    hull = cv2.contourArea(cv2.convexHull(faces.points[0].astype(np.float32)))
    assert sum(areas) == pytest.approx(hull, rel=0.05)


def test_a_file_that_is_there_is_not_fetched_again(mesh_file):
    before = mesh_file.stat().st_mtime_ns
    assert fetch(mesh_file) == mesh_file
    assert mesh_file.stat().st_mtime_ns == before


def test_the_points_are_found_and_a_stopped_run_goes_on(
    crops, faces, mesh_file, tmp_path, monkeypatch
):
    black, damaged = encoded(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)), b"no picture"
    monkeypatch.setattr(landmarks, "KEEP_EVERY", 2)
    found = prepare(some([*crops.images, black, damaged]), tmp_path)
    np.testing.assert_allclose(found.points, faces.points, atol=1.0)
    monkeypatch.setattr(landmarks, "_face", None)  # would fail if they were looked at again
    again = prepare(some([damaged, *crops.images]), tmp_path)
    np.testing.assert_array_equal(again.points, found.points)


def test_a_turned_face_has_turned_points(faces, mesh_file):
    mesh, face = FaceMesh(mesh_file), faces.picture(0)
    turn = cv2.getRotationMatrix2D((112, 112), 25, 0.8)
    turned = cv2.warpAffine(face, turn, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REPLICATE)
    five = cv2.transform(faces.five[:1], turn)[0]
    wanted = cv2.transform(faces.points[:1].astype(np.float32), turn)[0]
    found = mesh.points(turned, five.astype(np.float32))
    assert np.linalg.norm(found - wanted, axis=1).mean() < 3  # px
