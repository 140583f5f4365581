"""Faces out of real clips in each layout: what is known of them, and that a run can go on."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.media import clip, moving
from training.__main__ import main
from training.data import crops, prepare, sources

FF = "manipulated_sequences/Deepfakes/c23/videos"


@pytest.fixture(scope="module")
def portrait(tmp_path_factory, astronaut) -> Path:
    """A second of a face."""
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    return clip(path, moving(astronaut[:256, 96:352], count=9, size=(256, 192)), fps=9)


def put(video: Path, root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(video.read_bytes())


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_faceforensics_names_tell_who_is_shown(portrait, tmp_path):
    put(
        portrait,
        tmp_path,
        "original_sequences/youtube/c23/videos/000.mp4",
        "original_sequences/youtube/c23/videos/003.mp4",
        "original_sequences/actors/c23/videos/13__hugging_happy.mp4",
        f"{FF}/000_003.mp4",
        "manipulated_sequences/DeepFakeDetection/c23/videos/13_08__hugging_happy__X1.mp4",
    )
    found = {clip.name: clip for clip in sources.find(tmp_path)}
    swap = found["ff-Deepfakes-c23-000_003"]
    assert (swap.fake, swap.method, swap.compression) == (True, "Deepfakes", "c23")
    assert swap.people == ("ff-000", "ff-003")
    assert swap.source == found["ff-youtube-c23-000"].source
    actor = found["ff-actors-c23-13__hugging_happy"]
    acted = found["ff-DeepFakeDetection-c23-13_08__hugging_happy__X1"]
    assert acted.people == ("ff-actor13", "ff-actor08")
    assert actor.people == ("ff-actor13",)
    assert acted.source == actor.source

    done = prepare.prepare([tmp_path], tmp_path / "out", max_crops=2)
    assert (done.clips, done.crops, done.skipped) == (5, 10, {})
    written = rows(tmp_path / "out")
    assert {row["split"] for row in written if row["source"] in ("ff-000", "ff-003")} < {
        "train", "val", "test",
    }  # fmt: skip
    one = next(row for row in written if row["method"] == "Deepfakes")
    assert one["identity"] == "ff-000"
    assert int(one["face_px"]) > 50
    picture = cv2.imread(str(tmp_path / "out" / one["file"]))
    assert picture.shape == (224, 224, 3)
    assert picture.std() > 20


def test_dfdc_metadata_labels_and_joins_a_fake_with_its_original(portrait, tmp_path):
    put(portrait, tmp_path, "part_0/aa.mp4", "part_0/bb.mp4")
    facts = {
        "aa.mp4": {"label": "REAL", "split": "train", "original": None},
        "bb.mp4": {"label": "FAKE", "split": "train", "original": "aa.mp4"},
        "gone.mp4": {"label": "REAL", "split": "train", "original": None},
    }
    (tmp_path / "part_0" / "metadata.json").write_text(json.dumps(facts))
    real, fake = sources.find(tmp_path)
    assert (real.fake, real.source, real.people) == (False, "aa", ("aa",))
    assert (fake.fake, fake.source, fake.people) == (True, "aa", ("aa",))


def test_a_plain_tree_goes_on_where_it_stopped_past_a_corrupt_file(
    portrait, astronaut, tmp_path, monkeypatch, capsys
):
    tree, out = tmp_path / "tree", tmp_path / "out"
    put(portrait, tree, "real/a.mp4", "fake/swap/a.mp4")
    (tree / "fake" / "broken.mp4").write_bytes(portrait.read_bytes()[:300])
    cv2.imwrite(str(tree / "real" / "photo.png"), astronaut[..., ::-1])
    cv2.imwrite(str(tree / "real" / "wall.png"), np.full((99, 99, 3), 90, np.uint8))

    person = prepare.person
    looked_at = []

    def interrupted(clip, max_crops):
        looked_at.append(clip.name)
        if len(looked_at) == 3:
            raise KeyboardInterrupt
        return person(clip, max_crops)

    monkeypatch.setattr(prepare, "person", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare([tree], out)
    with (out / "done.jsonl").open("a") as notes:
        notes.write('{"clip": "real-a", "cro')  # cut off in the middle of a note
    assert main(["prepare", str(tree), "--out", str(out)]) == 0

    assert looked_at[2:] == ["real-a", "real-a", "real-photo", "real-wall"]  # none of the others
    said = capsys.readouterr()
    assert "2 skipped" in said.out
    assert "real-wall: no face was found" in said.out
    assert "broken.mp4" in said.err + said.out
    read = crops.read(out)
    assert set(read.columns["clip"]) == {"fake-swap-a", "real-a", "real-photo"}
    assert set(read.columns["method"]) == {"swap", "real"}
    assert len(read.pairs()) == read.fake.sum() > 2  # each fake with its real of the same moment
    (split_of_a,) = {
        part for part, name in zip(read.columns["split"], read.columns["clip"], strict=True)
        if name != "real-photo"
    }  # fmt: skip
    assert split_of_a in ("train", "val", "test")


def test_crops_in_a_tar_are_taken_as_they_are_with_their_people_and_split(astronaut, tmp_path):
    crop = cv2.resize(astronaut[20:220, 120:320], (224, 224))
    content = cv2.imencode(".png", crop[..., ::-1])[1].tobytes()
    with tarfile.open(tmp_path / "part.tar", "w") as tar:
        for name in ("real/a.png", "fake/b.png"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (tmp_path / "manifest.csv").write_text(
        "file,group_original,identity,split\nreal/a.png,g,id7,val\nfake/b.png,g,id7,val\n"
    )
    prepare.prepare([tmp_path / "part.tar"], tmp_path / "out", lossless=True)
    read = crops.read(tmp_path / "out")
    np.testing.assert_array_equal(crops.decode(read.images[0]), crop)
    assert set(read.identities) == {"id7"}
    assert set(read.columns["split"]) == {"val"}
    assert len(crops.part(tmp_path / "out", "val")) == 2
    assert len(crops.part(tmp_path / "out", "train")) == 0


@pytest.fixture
def small_tree(portrait, tmp_path) -> Path:
    put(portrait, tmp_path / "tree", "real/a.mp4", "fake/b.mp4")
    return tmp_path / "tree"


def test_crops_of_long_and_odd_names_are_there(portrait, tmp_path):
    names = [f"real/{'x' * 248}.mp4", f"real/{'変' * 80}.mp4", "fake/b.mp4", "fake/b.m4v"]
    put(portrait, tmp_path / "tree", *names, "real/;ls\n \N{WINKING FACE}.mp4")
    odd = os.fsencode(tmp_path / "tree" / "real") + b"/\xff.mp4"
    Path(os.fsdecode(odd)).write_bytes(portrait.read_bytes())
    done = prepare.prepare([tmp_path / "tree"], tmp_path / "out", max_crops=1)
    assert (done.clips, done.crops, done.skipped) == (6, 6, {})
    assert sum(count for part in done.parts.values() for count in part.values()) == 6
    written = {path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*.jpg")}
    assert {row["file"] for row in rows(tmp_path / "out")} == written
    assert len(crops.read(tmp_path / "out")) == 6


def test_a_full_disk_ends_the_run_which_then_goes_on(small_tree, tmp_path, capsys):
    out = tmp_path / "out"
    (out / "real").mkdir(parents=True)
    blocked = (out / "real" / "real-a-000.jpg", out / "manifest.csv.part")
    for path in blocked:
        path.symlink_to("/dev/full")
    for path in blocked:
        assert main(["prepare", str(small_tree), "--out", str(out)]) == 1
        assert "error: the disk is full" in capsys.readouterr().err
        assert not (out / "manifest.csv").exists()
        path.unlink()
    assert len(prepare.read_done(out)) == 2
    assert main(["prepare", str(small_tree), "--out", str(out)]) == 0
    assert {row["clip"] for row in rows(out)} == {"real-a", "fake-b"}


def test_only_what_changed_since_is_done_again(small_tree, tmp_path, monkeypatch):
    out, looked_at = tmp_path / "out", []
    person = prepare.person

    def watched(clip, max_crops):
        looked_at.append(clip.name)
        return person(clip, max_crops)

    def again(**options) -> list[str]:
        looked_at.clear()
        prepare.prepare([small_tree], out, **options)
        return looked_at

    monkeypatch.setattr(prepare, "person", watched)
    assert again() == ["fake-b", "real-a"]
    assert again() == []
    os.utime(small_tree / "real" / "a.mp4", (1, 1))
    assert again() == ["real-a"]
    next(out.glob("fake/*.jpg")).unlink()
    assert again() == ["fake-b"]
    assert again(max_crops=1) == ["fake-b", "real-a"]
    (small_tree / "fake" / "b.mp4").rename(small_tree / "real" / "b.mp4")
    assert again(max_crops=1) == ["real-b"]
    assert {row["clip"] for row in rows(out)} == {"real-a", "real-b"}
    assert not crops.read(out).fake.any()
    notes = [json.loads(line) for line in (out / "done.jsonl").read_text().splitlines()]
    for note in notes:
        note.pop("of", None)  # as earlier versions wrote it
    lines = [json.dumps(note) for note in notes]
    (out / "done.jsonl").write_text("\n".join(["\0\0\0", "7", *lines, ""]))
    assert again(max_crops=1) == []


def test_a_stopped_run_says_so(small_tree, tmp_path, monkeypatch, capsys):
    def stopped(clip, max_crops):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "person", stopped)
    assert main(["prepare", str(small_tree), "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err.endswith("stopped; what was written is kept\n")


def test_clips_of_several_folders_with_one_name_are_named(small_tree, tmp_path, capsys):
    put(small_tree / "real" / "a.mp4", tmp_path / "other", "real/a.mp4")
    sources = [str(small_tree), str(tmp_path / "other")]
    assert main(["prepare", *sources, "--out", str(tmp_path / "out")]) == 1
    assert "other/real/a.mp4" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_splits_that_share_somebody_are_refused_before_any_work(small_tree, tmp_path, capsys):
    table = "file,identity,split\nreal/a.mp4,p,train\nfake/b.mp4,p,val\n"
    (small_tree / "manifest.csv").write_text(table)
    assert main(["prepare", str(small_tree), "--out", str(tmp_path / "out")]) == 1
    assert "train and val share somebody" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_written_is_said(small_tree, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["prepare", str(small_tree), "--out", str(tmp_path / "file" / "out")]) == 1
    assert "file/out/real: Not a directory" in capsys.readouterr().err


def test_what_is_no_data_is_said(tmp_path, capsys):
    assert main(["prepare", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 1
    assert "is not there" in capsys.readouterr().err
    assert main(["prepare", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "no real/ or fake/" in capsys.readouterr().err
    (tmp_path / "a.tar").write_bytes(b"not a tar")
    assert main(["prepare", str(tmp_path / "a.tar"), "--out", str(tmp_path / "out")]) == 1
    assert "a.tar is no folder, tar" in capsys.readouterr().err
