"""Faces that pass through the autoencoder of a diffusion model."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.data.crops import SIDE_PX
from training.forgery import reconstruction
from training.forgery.reconstruction import COARSE_PX, EVERY, reconstruct, reconstructed


def coarse(rgb):
    return cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), 2 * COARSE_PX)


def test_a_reconstruction_shows_its_real_in_other_detail(faces, tmp_path):
    real, fake = reconstructed(faces.images[0], tmp_path)
    assert real.shape == fake.shape == (SIDE_PX, SIDE_PX, 3)
    detail = np.abs(fake.astype(int) - real)
    assert 0.5 < detail.mean() < 6
    assert np.abs(coarse(fake) - coarse(real)).max() < 3, "no colour tells it"


def test_neither_sharpness_nor_light_tells_which_is_which(faces, tmp_path):
    for image in faces.images:
        pair = reconstructed(image, tmp_path)
        sharpness = [cv2.Laplacian(rgb, cv2.CV_64F).std() for rgb in pair]
        assert 0.7 < sharpness[1] / sharpness[0] < 1.4
        assert abs(float(pair[0].mean()) - float(pair[1].mean())) < 1


def test_it_is_computed_once_and_again_where_a_stop_has_damaged_it(faces, tmp_path, monkeypatch):
    one = reconstructed(faces.images[0], tmp_path)
    [kept] = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(reconstruction, "_drawn", None)
        again = reconstructed(faces.images[0], tmp_path)
    kept.write_bytes(kept.read_bytes()[:100])
    anew = reconstructed(faces.images[0], tmp_path)
    for pair in (again, anew):
        np.testing.assert_array_equal(one[0], pair[0])
        np.testing.assert_array_equal(one[1], pair[1])
    assert list(tmp_path.iterdir()) == [kept]


def test_all_that_will_be_asked_for_is_made_at_once(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(reconstruction, "KEPT", tmp_path)
    reconstruct(faces)
    assert len(list(tmp_path.iterdir())) == -(-len(faces) // EVERY)


def test_a_damaged_picture_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        reconstructed(b"no picture", tmp_path)
    assert not list(tmp_path.iterdir())
