"""Reading the data: who is who, and that nothing else is fed than in service."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.preprocess import SIDE_PER_FACE, face_crop, to_input
from tests.training.pictures import unpack, write_data, write_part
from training.data import crops


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
    write_part(tmp_path, "val", 3)
    unpack(tmp_path / "dfdc224-val.tar", tmp_path / "val")
    folder, tar_read = crops.read(tmp_path / "val"), crops.read(tmp_path / "dfdc224-val.tar")
    assert folder.names == tar_read.names
    assert folder.images == tar_read.images


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="MESOSCOPE_DATA"):
        crops.read(tmp_path / "none.tar")
    with pytest.raises(ValueError, match="no real/ or fake/"):
        crops.read(tmp_path)


@pytest.fixture
def small(tmp_path, astronaut) -> Path:
    """real/ and fake/ with four crops of a face each."""
    for label in ("real", "fake"):
        for n in range(4):
            path = tmp_path / "small" / label / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), astronaut[:128, 40 * n : 40 * n + 128, ::-1])
    return tmp_path / "small"


def test_one_bad_picture_among_many_is_left_out_and_told_of(small, caplog):
    picture = (small / "fake" / "0.png").read_bytes()
    jpeg = cv2.imencode(".jpg", crops.decode(picture))[1].tobytes()
    bad = {"cut.png": picture[:4000], "cut.jpg": jpeg[:2000], "empty.webp": b"", "text.bmp": b"BM"}
    for name, content in bad.items():
        (small / "fake" / name).write_bytes(content)
    (small / "fake" / "gone.png").symlink_to("nothing.png")
    (small / "fake" / "notes.txt").write_text("x")
    read = crops.read(small)
    assert read.names == tuple(f"{label}/{n}.png" for label in ("fake", "real") for n in range(4))
    for name in bad:
        assert f"fake/{name}" in caplog.text
    assert "cannot be decoded: 2 .png" in caplog.text  # one of them a link that leads nowhere
    assert "no pictures: 1 .txt (fake/notes.txt)" in caplog.text
    for path in small.rglob("[0-9].png"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 13 images"):
        crops.read(small)


def test_a_zip_with_its_manifest_inside_is_read_like_the_folder(small, tmp_path):
    rows = [f"{label}\\{n}.png;p{n % 2};test" for label in ("real", "fake") for n in range(4)]
    table = "\r\n".join(["File;Identity;Split", *rows])
    (small / "manifest.csv").write_text(table, encoding="utf-16")
    with zipfile.ZipFile(tmp_path / "small.zip", "w") as archive:
        for path in small.rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path))
    folder, packed = crops.read(small), crops.read(tmp_path / "small.zip")
    assert folder.names == packed.names
    assert folder.images == packed.images
    for read in (folder, packed):
        assert set(read.identities) == {"p0", "p1"}
        assert set(read.columns["split"]) == {"test"}


def test_a_prepared_folder_holds_what_its_manifest_names(small, caplog):
    (small / crops.DONE).write_text("")
    with pytest.raises(ValueError, match="not prepared to its end: run `prepare` again"):
        crops.read(small)
    (small / "manifest.csv").write_text("file\nreal/0.png\nfake/0.png\nfake/lost.png\n")
    assert crops.read(small).names == ("fake/0.png", "real/0.png")
    assert "manifest does not name them: 6 .png" in caplog.text
    assert "names files that are not there: fake/lost.png" in caplog.text
    with pytest.raises(ValueError, match="has no column `split`"):
        crops.part(small, "val")


def test_a_part_with_one_class_or_none_is_named(small):
    read = crops.read(small)
    assert crops.need_both(read, "all") is read
    for chosen, held in ((read.fake, "4 fakes and no reals"), (~read.fake, "4 reals and no fakes")):
        with pytest.raises(ValueError, match=f"the val part holds {held}; it needs both"):
            crops.need_both(read.take(np.flatnonzero(chosen)), "the val part")
    with pytest.raises(ValueError, match="the val part holds no crops"):
        crops.need_both(read.take(np.flatnonzero(read.fake & ~read.fake)), "the val part")


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
