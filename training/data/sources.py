"""Which clips lie where, in each layout that the field uses, and who and what each one shows."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from convert import dataset
from convert.dataset import PICTURES, VIDEOS, File
from training.data import tables

logger = logging.getLogger(__name__)

NAME_BYTES = 120  # of a clip's name: its crops' names must fit on any disk
DFDC_TABLES = ("metadata.json", "dataset.json")
DFDC_LABELS = {"fake": True, "1": True, "true": True, "real": False, "0": False, "false": False}
FACEFORENSICS = re.compile(
    r"(?:.*/)?(original|manipulated)_sequences/([^/]+)/([^/]+)/videos/([^/]+)\.[^./]+"
)
Found = Iterator[tuple[File, "Clip"]]


@dataclass(frozen=True, slots=True)
class Clip:
    """One video or picture. `crop`: the bytes of a face crop in the archive `path`.

    `name` is its own, without a suffix; `source` is the recording that it is or was made from;
    `people`: everyone whose face is in it, the one who is seen first. `split` is "" where the data
    leaves the choice to us.
    """

    path: Path
    name: str
    fake: bool
    method: str
    source: str
    people: tuple[str, ...]
    compression: str = ""
    split: str = ""
    crop: Callable[[], bytes] | None = None

    @property
    def label(self) -> str:
        return "fake" if self.fake else "real"


def find(root: Path) -> list[Clip]:
    """The clips of an archive, a FaceForensics++ tree, DFDC folders, or a tree of real/ and fake/.

    Sorted by name; a warning tells of files that are no clips. Raises FileNotFoundError, or
    ValueError if it is none of these.
    """
    if not root.exists():
        raise FileNotFoundError(f"{root} is not there; set MESOSCOPE_DATA to the data folder")
    files = _without_prepared(dataset.files(root))
    found = list(_archive(root, files) if root.is_file() else _folder(root, files))
    if not found:
        raise ValueError(
            f"{root} holds no clips: no real/ or fake/, no FaceForensics++ tree, no videos beside "
            "a metadata.json of DFDC"
        )
    return sorted(_distinct(found), key=lambda clip: clip.name)


def short(name: str, key: str) -> str:
    """`name`, or as much of it as fits on any disk and what tells `key` from others."""
    content = name.encode()
    if len(content) <= NAME_BYTES:
        return name
    return f"{content[: NAME_BYTES - 11].decode(errors='ignore')}-{digest(key)}"


def digest(key: str) -> str:
    """Ten hexadecimal digits that tell `key` from others."""
    return hashlib.blake2b(key.encode(), digest_size=5).hexdigest()


def _without_prepared(files: Sequence[File]) -> list[File]:
    """Without the crops of a folder that was prepared within the data."""
    folders = [f.name.rpartition("/")[0] for f in files if f.name.endswith("/done.jsonl")]
    within = tuple(f"{folder}/" for folder in folders)
    return [file for file in files if not file.name.startswith(within)] if within else list(files)


def _distinct(found: Sequence[tuple[File, Clip]]) -> Iterator[Clip]:
    """The clips by names that are safe, short and different, also where capitals do not count."""
    safe = [re.sub(r"[^\w.-]", "-", clip.name) for _, clip in found]
    count = Counter(name.casefold() for name in safe)
    for (file, clip), name in zip(found, safe, strict=True):
        if count[name.casefold()] > 1:
            name = f"{name}-{digest(file.name)}"
        yield replace(clip, name=short(name, file.name))


def _folder(root: Path, files: Sequence[File]) -> Found:
    """All layouts have their turn; what none of them takes is told of."""
    found = [*_faceforensics(files), *_dfdc(root, files)]
    taken = {file.path for file, _ in found}
    found += _tree(root, [file for file in files if file.path not in taken])
    if found:
        taken = {file.path for file, _ in found}
        left = [file.name for file in files if file.path not in taken and not _is_table(file)]
        dataset.tell_left_out(root, left, "they are no clips of a known layout")
    yield from found


def _faceforensics(files: Sequence[File]) -> Found:
    """{original,manipulated}_sequences/METHOD/cNN/videos/NAME.mp4, as the official script writes.

    A fake is called TARGET_SOURCE: the head of the one with the face of the other.
    """
    for file in files:
        match = FACEFORENSICS.fullmatch(file.name)
        if match is None or file.suffix not in VIDEOS:
            continue
        kind, method, compression, stem = match.groups()
        scene = stem.split("__")
        actors = method in ("actors", "DeepFakeDetection")
        people = tuple(f"ff-{'actor' * actors}{number}" for number in scene[0].split("_"))
        # An actor's recording is a scene of one actor; a fake of it names both, and the scene.
        source = f"{people[0]}-{scene[1]}" if actors and len(scene) > 1 else people[0]
        name = f"ff-{method}-{compression}-{stem}"
        yield (
            file,
            Clip(file.path, name, kind == "manipulated", method, source, people, compression),
        )


def _dfdc(root: Path, files: Sequence[File]) -> Found:
    """Folders of videos with their metadata.json, or the preview's dataset.json.

    The full data names nobody: a recording is a person. Its test part has `is_fake` for `label`.
    """
    by_name = {file.name: file for file in files}
    for table in (file for file in files if file.path.name in DFDC_TABLES):
        folder = table.name.rpartition("/")[0]
        rows = {dataset.clean(f"{folder}/{file}"): facts for file, facts in _facts(table).items()}
        there = [name for name in sorted(rows) if name in by_name]
        unlabelled = [name for name in there if _is_fake(rows[name]) is None]
        if len(unlabelled) == len(there):
            if any(not dataset.from_label(name)[1] for name in there):
                raise ValueError(f"{table.path} has neither `label` nor `is_fake` of its videos")
            continue  # it has nothing to do with DFDC, or its videos lie elsewhere
        dataset.tell_left_out(root, unlabelled, f"{table.name} does not label them")
        gone = sorted(rows.keys() - by_name.keys())
        dataset.tell_left_out(root, gone, f"{table.name} names them, but they are not there")
        for name in there:
            if (fake := _is_fake(rows[name])) is not None:
                yield by_name[name], _dfdc_clip(by_name[name], fake, rows[name])


def _dfdc_clip(file: File, fake: bool, facts: dict[str, Any]) -> Clip:
    stem = PurePosixPath(file.name).stem
    source = PurePosixPath(str(facts.get("original") or stem)).stem
    ids = [str(facts[key]) for key in ("target_id", "swapped_id") if facts.get(key)]
    people = tuple(f"dfdc-{number}" for number in dict.fromkeys(ids)) or (source,)
    method = "dfdc" if fake else "real"
    return Clip(file.path, f"dfdc-{stem}", fake, method, source, people)


def _facts(table: File) -> dict[str, dict[str, Any]]:
    """What a table of DFDC's shape tells of each file; nothing where it is another's."""
    try:
        content = json.loads(table.content().decode("utf-8-sig"))
    except ValueError:  # in another encoding, no JSON, or not readable
        return {}
    if not isinstance(content, dict):
        return {}
    return {file: facts for file, facts in content.items() if isinstance(facts, dict)}


def _is_fake(facts: dict[str, Any]) -> bool | None:
    label = facts.get("is_fake") if facts.get("label") is None else facts["label"]
    return DFDC_LABELS.get(str(label).strip().lower())


def _is_table(file: File) -> bool:
    """Whether it is a table that was read; a warning names one of another kind or place."""
    if dataset.from_label(file.name)[1]:
        return False
    labels = map(_is_fake, _facts(file).values()) if file.path.name in DFDC_TABLES else ()
    return tables.is_table(file) or any(label is not None for label in labels)


def _tree(root: Path, files: Sequence[File]) -> Found:
    """real/ and fake/, to any depth; fake/METHOD/... names a method. Same name: same source."""
    below, beside = dataset.labelled(files, root)
    clips = [file for file in below if dataset.is_media(file)]
    if clips:
        known = tables.known(root, beside, [file.name for file in clips])
        for file in clips:
            yield file, _labelled(file, known.get(file.name, {}))


def _archive(path: Path, files: Sequence[File]) -> Found:
    """Face crops below real/ and fake/."""
    below, beside = dataset.labelled(files, path)
    pictures = [file for file in below if file.suffix in PICTURES]
    videos = [file.name for file in files if file.suffix in VIDEOS]
    if videos and not pictures:
        raise ValueError(f"{path} holds {len(videos)} videos: unpack it and name the folder")
    if pictures:
        known = tables.known(path, beside, [file.name for file in pictures])
        others = [file.name for file in below if file.suffix not in PICTURES]
        dataset.tell_left_out(path, others, "they are no pictures")
        for file in pictures:
            yield file, replace(_labelled(file, known.get(file.name, {})), crop=file.content)


def _labelled(file: File, row: dict[str, str]) -> Clip:
    label, *between, last = PurePosixPath(file.name).with_suffix("").parts
    source = row.get("group_original") or row.get("source") or "/".join([*between[1:], last])
    return Clip(
        path=file.path,
        name="-".join([label, *between, last]),
        fake=label == "fake",
        method=row.get("method") or (between[0] if between and label == "fake" else label),
        source=source,
        people=(row.get("identity") or source,),
        compression=row.get("compression", ""),
        split=row.get("split", ""),
    )
