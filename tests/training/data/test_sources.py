"""Which files are clips in each layout, by what names; nothing is passed over in silence."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from convert.dataset import PICTURES, VIDEOS
from training.data import sources


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def labels(root: Path) -> dict[str, bool]:
    return {clip.name: clip.fake for clip in sources.find(root)}


TABLES: dict[str, dict[str, Any]] = {
    "train part": {"a.mp4": {"label": "FAKE", "original": "b.mp4"}, "b.mp4": {"label": "REAL"}},
    "test part": {"a.mp4": {"is_fake": 1, "original": "b.mp4"}, "b.mp4": {"is_fake": 0}},
    "other words": {"a.mp4": {"label": " fake"}, "b.mp4": {"label": None, "is_fake": False}},
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_dfdc_tables_of_each_part_are_read(kind, encoding, tmp_path, caplog):
    put(tmp_path, "part_0/a.mp4", "part_0/b.mp4", "part_0/c.mp4", "part_0/notes.md")
    table = TABLES[kind] | {"gone.mp4": {"label": "REAL"}, "c.mp4": {"split": "test"}}
    (tmp_path / "part_0" / "metadata.json").write_text(json.dumps(table), encoding=encoding)
    assert labels(tmp_path) == {"dfdc-a": True, "dfdc-b": False}
    assert "does not label them: 1 .mp4 (part_0/c.mp4)" in caplog.text
    assert "not there: 1 .mp4 (part_0/gone.mp4)" in caplog.text
    assert "no clips of a known layout: 1 .mp4, 1 .md" in caplog.text


def test_the_preview_of_dfdc_names_people(tmp_path):
    put(tmp_path, "original_videos/7/7_A.mp4", "method_A/7_8/7_8_A.mp4")
    table = {
        "original_videos/7/7_A.mp4": {"label": "real", "target_id": 7, "swapped_id": None},
        "method_A/7_8/7_8_A.mp4": {"label": "fake", "target_id": 7, "swapped_id": 8},
    }
    (tmp_path / "dataset.json").write_text(json.dumps(table))
    fake, real = sources.find(tmp_path)
    assert (real.people, fake.people) == (("dfdc-7",), ("dfdc-7", "dfdc-8"))


@pytest.mark.parametrize(
    "foreign",
    ['{"title": "my pictures", "licenses": []}', '[{"title": "x"}]', '{"real/a.mp4": {"note": 1}}',
     '"text"', "{cut", "\N{SNOWMAN}"],
)  # fmt: skip
def test_a_metadata_json_that_is_none_of_dfdc_does_not_hide_real_and_fake(
    foreign, tmp_path, caplog
):
    put(tmp_path, "real/a.mp4", "fake/b.mp4")
    (tmp_path / "metadata.json").write_text(foreign, encoding="utf-16")
    assert labels(tmp_path) == {"real-a": False, "fake-b": True}
    (tmp_path / "metadata.json").write_text(foreign, encoding="utf-8")
    assert labels(tmp_path) == {"real-a": False, "fake-b": True}
    assert "metadata.json" in caplog.text


def test_a_table_without_labels_is_refused_by_name(tmp_path):
    put(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "metadata.json").write_text('{"a.mp4": {"split": "test"}, "b.mp4": {}}')
    with pytest.raises(ValueError, match=r"metadata\.json has neither `label` nor `is_fake`"):
        sources.find(tmp_path)


def test_every_ending_that_the_service_reads_is_a_clip_and_the_rest_is_told_of(tmp_path, caplog):
    names = [f"fake/v{n}{suffix.upper()}" for n, suffix in enumerate(PICTURES + VIDEOS)]
    put(tmp_path, *names, "fake/x.npy", "fake/y", "elsewhere/z.mp4")
    assert len(sources.find(tmp_path)) == len(names)
    for name in ("1 .npy", "1 no ending", "1 .mp4", "elsewhere/z.mp4", "fake/x.npy", "fake/y"):
        assert name in caplog.text


def test_layouts_that_lie_side_by_side_all_count(tmp_path):
    put(
        tmp_path, "dfdc/a.mp4", "ff/original_sequences/youtube/c23/videos/1.mp4", "own/Real/x.jpg",
        "own/FAKE/swap/x.jpg", "ff/manipulated_sequences/Deepfakes/c23/videos/._1_2.mp4",
    )  # fmt: skip
    (tmp_path / "dfdc" / "metadata.json").write_text('{"a.mp4": {"label": "FAKE"}}')
    linked = tmp_path / "linked"
    linked.mkdir()
    for name in ("dfdc", "ff", "own"):
        (linked / name).symlink_to(tmp_path / name)
    found = {"dfdc-a": True, "ff-youtube-c23-1": False, "real-x": False, "fake-swap-x": True}
    assert labels(linked) == found


def test_names_are_short_safe_and_different(tmp_path):
    long, wide = "x" * 248, "変" * 80
    names = ("a b.mp4", "a-b.mp4", "A-B.MOV", "c.mp4", "c.mov", f"{long}1.jpg", f"{wide}.jpg",
             f"{'d' * 99}/{'e' * 99}/f.jpg", "g\n$(h);.jpg", "\N{WINKING FACE}.jpg")  # fmt: skip
    put(tmp_path, *(f"real/{name}" for name in names))
    found = [clip.name for clip in sources.find(tmp_path)]
    assert len({name.casefold() for name in found}) == len(names)
    for name in found:
        assert len(name.encode()) <= sources.NAME_BYTES
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum()
    again = [clip.name for clip in sources.find(put(tmp_path, "real/z.jpg"))]
    assert set(again) == {*found, "real-z"}


def test_an_archive_of_videos_is_refused_before_any_work(tmp_path):
    put(tmp_path / "set", "real/a.mp4", "fake/b.mp4")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(tmp_path / "set" / "real" / "a.mp4", "set/real/a.mp4")
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "set", "set")
    for name, count in (("set.zip", 1), ("set.tar.gz", 2)):
        with pytest.raises(ValueError, match=rf"{name} holds {count} videos: unpack it"):
            sources.find(tmp_path / name)


def test_crops_that_were_prepared_within_the_data_are_no_clips_of_it(tmp_path):
    put(tmp_path, "real/a.mp4", "out/real/real-a-000.jpg", "out/done.jsonl", "out/manifest.csv")
    assert labels(tmp_path) == {"real-a": False}
