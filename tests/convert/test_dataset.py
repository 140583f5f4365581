"""The same files under the same names, however a data set is packed, linked or littered."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert import dataset, samples
from convert.errors import ConversionError

CONTENTS = {"real/a.png": b"1", "real/x/b.png": b"22", "fake/c.png": b"333", "manifest.csv": b"4"}
MAC = b"\0\5\26\7\0\2\0\0Mac OS X        "
LITTER = (
    "real/._a.png", "real/.DS_Store", "__MACOSX/real/._a.png", "real/Thumbs.db", ".bin/real/z.png",
    "fake/@eaDir/c.png/SYNOPHOTO_THUMB_M.jpg", "fake/desktop.ini",
)  # fmt: skip


def put(root: Path, contents: dict[str, bytes]) -> Path:
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def read(source: Path) -> dict[str, bytes]:
    return {file.name: file.content() for file in dataset.files(source)}


@pytest.fixture
def folder(tmp_path) -> Path:
    return put(tmp_path / "data", CONTENTS | dict.fromkeys(LITTER, MAC))


def test_a_folder_without_what_systems_leave_behind(folder):
    assert read(folder) == CONTENTS


def test_links_are_followed_and_circles_end(folder, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for label in ("real", "fake"):
        (linked / label).symlink_to(folder / label)
    (folder / "real" / "up").symlink_to(folder)
    (folder / "real" / "self").symlink_to(folder / "real" / "self")
    (folder / "real" / "one.png").symlink_to(folder / "real" / "a.png")
    (folder / "real" / "gone.png").symlink_to(folder / "real" / "none.png")
    os.mkfifo(folder / "real" / "pipe.png")
    names = {file.name: file for file in dataset.files(linked)}
    assert {"real/a.png", "real/x/b.png", "real/one.png", "fake/c.png"} < names.keys()
    assert sum(name.endswith("b.png") for name in names) == 1
    for name, why in (("real/gone.png", "broken link"), ("real/pipe.png", "no regular file")):
        with pytest.raises(ValueError, match=why):
            names[name].content()


def test_a_folder_may_be_called_like_a_picture_and_a_file_like_anything(tmp_path):
    put(tmp_path, {"real/person.png/1.png": b"1"})
    (tmp_path / "real" / os.fsdecode(b"\xff\n.png")).write_bytes(b"2")
    (tmp_path / "real" / "e\N{COMBINING ACUTE ACCENT}.png").write_bytes(b"3")
    composed = "real/\N{LATIN SMALL LETTER E WITH ACUTE}.png"
    found = read(tmp_path)
    assert found == {"real/person.png/1.png": b"1", "real/\\xff\n.png": b"2", composed: b"3"}


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "zip"])
@pytest.mark.parametrize("top", ["", "./", "crops/", "/data/crops/", "C:\\data\\"])
def test_an_archive_is_read_like_the_folder(suffix, top, folder, tmp_path):
    packed = tmp_path / f"packed.{suffix}"
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    inside = {name: name.replace("/", "\\") if "\\" in top else name for name in names}
    if suffix == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            for name in names:
                archive.write(folder / name, top + inside[name])
    else:
        compression = {"tar": "", "tgz": "gz"}.get(suffix, suffix.rpartition(".")[2])
        with tarfile.open(packed, f"w:{compression}") as tar:
            for name in names:
                member = tarfile.TarInfo(top + inside[name])
                member.size = (folder / name).stat().st_size
                with (folder / name).open("rb") as content:
                    tar.addfile(member, content)
    below, beside = dataset.labelled(dataset.files(packed), packed)
    found = {file.name: file.content() for file in below}
    assert found == {name: text for name, text in CONTENTS.items() if name != "manifest.csv"}
    assert [file.content() for file in beside] == [b"4"]


def test_of_a_tar_that_was_added_to_the_last_member_counts_and_links_lead_to_others(tmp_path):
    data = put(tmp_path / "data", {"real/a.png": b"old"})
    os.link(data / "real" / "a.png", data / "real" / "same.png")
    (data / "real" / "link.png").symlink_to("a.png")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(data / "real", "real")
        tar.add(put(tmp_path, {"b.png": b"newer"}) / "b.png", "./real/a.png")
    found = read(tmp_path / "a.tar")
    assert found["real/a.png"] == b"newer"
    assert found.keys() == {"real/a.png", "real/same.png", "real/link.png"}
    assert found["real/link.png"] == b"newer"


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "zip"])
def test_an_archive_that_ends_early_is_refused_by_name(suffix, tmp_path):
    packed = tmp_path / f"packed.{suffix}"
    picture = put(tmp_path, {"a.png": np.random.default_rng(0).bytes(20_000)}) / "a.png"
    if suffix == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(picture, "real/a.png")
    else:
        with tarfile.open(packed, "w:gz" if suffix == "tar.gz" else "w") as tar:
            tar.add(picture, "real/a.png")
    packed.write_bytes(packed.read_bytes()[:9_000])
    with pytest.raises(ValueError, match=rf"packed\.{suffix} is no folder, tar"):
        dataset.files(packed)


def test_a_damaged_member_of_a_zip_does_not_keep_the_others_from_being_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("real/a.png", b"first picture")
        archive.writestr("real/b.png", b"second picture")
    content = (tmp_path / "a.zip").read_bytes().replace(b"first picture", b"worst picture")
    (tmp_path / "a.zip").write_bytes(content)
    damaged, whole = dataset.files(tmp_path / "a.zip")
    assert whole.content() == b"second picture"
    with pytest.raises(ValueError, match="CRC"):
        damaged.content()


def test_which_real_and_fake_is_meant_must_be_clear(tmp_path):
    put(tmp_path, {"train/REAL/a.png": b"1", "train/Fake/a.png": b"2", "marks/real/a.npy": b"0"})
    below, _ = dataset.labelled(dataset.files(tmp_path), tmp_path)
    assert [file.name for file in below] == ["fake/a.png", "real/a.png"]
    put(tmp_path, {"val/real/a.png": b"3"})
    with pytest.raises(ValueError, match="several folders, train, val; use one"):
        dataset.labelled(dataset.files(tmp_path), tmp_path)
    put(tmp_path, {"real/a.png": b"4"})
    below, _ = dataset.labelled(dataset.files(tmp_path), tmp_path)
    assert [file.content() for file in below] == [b"4"]
    put(tmp_path, {"Real/a.png": b"5"})
    with pytest.raises(ValueError, match=r"but for capitals: real/a\.png"):
        dataset.labelled(dataset.files(tmp_path), tmp_path)


def test_samples_take_what_training_takes_and_skip_a_damaged_picture(tmp_path, caplog):
    rgb = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    picture = cv2.imencode(".png", rgb)[1].tobytes()
    names = [f"{label}/{n}.png" for label in ("Real", "fake") for n in range(3)]
    own = put(tmp_path / "own", dict.fromkeys(names, picture) | {"fake/._0.png": MAC})
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        for name in names:
            archive.write(own / name, f"own/{name}")
    (tmp_path / "linked.mp4").symlink_to(own)
    for source in (own, tmp_path / "own.zip", tmp_path / "linked.mp4"):
        taken = samples.read(source, 16)
        assert len(taken) == 6
        assert taken.fake is not None
        assert taken.fake.sum() == 3
    assert caplog.messages == []
    (own / "fake" / "0.png").write_bytes(picture[:40])
    assert len(samples.read(own, 16)) == 5
    assert "own/fake/0.png" in caplog.text
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConversionError, match="no regular file"):
        samples.read(tmp_path / "pipe", 16)
    with pytest.raises(ConversionError, match=r"b\.tar is no folder, tar"):
        samples.read(put(tmp_path, {"b.tar": b"text"}) / "b.tar", 16)
