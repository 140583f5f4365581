"""Reading the data: who is who, and that nothing else is fed than in service."""

from __future__ import annotations

import numpy as np
import pytest

from models.preprocess import SIDE_PER_FACE, face_crop, to_input
from tests.training.pictures import write_data, write_part
from training import crops


def test_a_tar_is_read_with_its_manifest(tmp_path):
    read = crops.read(write_data(tmp_path) / "dfdc224-train.tar")
    assert len(read) == 32
    assert read.fake.sum() == 16
    assert len(set(read.identities)) == 8
    pairs = read.pairs()
    assert pairs.shape == (16, 2)
    assert not read.fake[pairs[:, 0]].any()
    assert read.fake[pairs[:, 1]].all()
    assert (read.groups[pairs[:, 0]] == read.groups[pairs[:, 1]]).all()


def test_a_folder_is_read_like_the_tar(tmp_path):
    import tarfile

    write_part(tmp_path, "val", 3)
    with tarfile.open(tmp_path / "dfdc224-val.tar") as tar:
        tar.extractall(tmp_path / "val", filter="data")
    folder, tar_read = crops.read(tmp_path / "val"), crops.read(tmp_path / "dfdc224-val.tar")
    assert folder.names == tar_read.names
    assert folder.images == tar_read.images


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="MESOSCOPE_DATA"):
        crops.read(tmp_path / "none.tar")
    with pytest.raises(ValueError, match="no real/ or fake/"):
        crops.read(tmp_path)


def test_training_reads_what_service_feeds(tmp_path):
    """The same picture through both ways: read from the tar, and cut by serving's face_crop()."""
    write_part(tmp_path, "val", 4, side_px=224)
    read = crops.read(tmp_path / "dfdc224-val.tar")
    trained_on = np.concatenate(list(crops.batches(read, side_px=144)))

    half = 224 / SIDE_PER_FACE / np.hypot(1, 1) / 2  # a face whose crop is the whole picture
    points = np.array([(-half, -half), (half, -half), (0, 0), (-half, half), (half, half)]) + 112
    frames = [crops.decode(image) for image in read.images]
    served = np.stack([face_crop(frame, points.astype(np.float32), 144) for frame in frames])
    np.testing.assert_array_equal(trained_on, to_input(served))


@pytest.mark.data
def test_no_person_and_no_original_crosses_the_split(shared_data):
    parts = [crops.read(shared_data / f"dfdc224-{part}.tar") for part in ("train", "val", "test")]
    for i, one in enumerate(parts):
        for other in parts[i + 1 :]:
            assert not set(one.identities) & set(other.identities)
            assert not set(one.groups) & set(other.groups)
