"""Face crops and what is known about each: the tars of the data folder, read without unpacking."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from convert import dataset
from convert.dataset import File
from models.preprocess import resize, to_input
from server.analysis.records import Uint8
from training.data import tables

COLUMNS = (
    "method", "compression", "clip", "time_s", "face_px", "orig_face_px", "sharpness", "frontality",
    "split", "age", "gender", "race",
)  # fmt: skip
SIDE_PX = 224  # of a crop as it is kept; networks take less and shrink it
DFDC = "DFDC"  # the tars of the data folder
PHOTOS = "fairface-adult-train.tar"
DONE = "done.jsonl"  # in a folder that `prepare` writes: what it did, clip by clip


@dataclass(frozen=True, slots=True)
class Crops:
    """N encoded face crops. `fake` bool [N]; `identities` and `groups` str [N].

    A group holds a real and its own fake; an identity is one person (both estimated by the data's
    makers). Where nothing is known of a file, its name stands for both. `columns` hold what else
    the manifest states of each crop, str [N], "" where it states nothing.
    """

    names: tuple[str, ...]
    images: tuple[bytes, ...]
    fake: NDArray[np.bool_]
    identities: NDArray[Any]
    groups: NDArray[Any]
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def take(self, indices: NDArray[np.intp]) -> Crops:
        return Crops(
            tuple(self.names[i] for i in indices),
            tuple(self.images[i] for i in indices),
            self.fake[indices],
            self.identities[indices],
            self.groups[indices],
            {name: values[indices] for name, values in self.columns.items()},
        )

    def numbers(self, column: str, unknown: float = 1.0) -> NDArray[np.float32]:
        """A column as float32 [N], `unknown` where there is none."""
        values = self.columns.get(column, np.full(len(self), ""))
        return np.array([float(value) if value else unknown for value in values], np.float32)

    def pairs(self) -> NDArray[np.intp]:
        """Indices [P, 2] of each fake's real and the fake, in the order of the groups' names."""
        real = {g: i for i, g in enumerate(self.groups) if not self.fake[i]}
        fakes = sorted((g, i) for i, g in enumerate(self.groups) if self.fake[i] and g in real)
        return np.array([(real[g], i) for g, i in fakes], np.intp).reshape(-1, 2)


def data_dir() -> Path:
    """MESOSCOPE_DATA, or shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("MESOSCOPE_DATA", beside))


def read(source: Path) -> Crops:
    """The crops of an archive or folder with real/ and fake/ in it; of a prepared folder those that
    its manifest names.

    Identities and groups come from a manifest.csv beside or in the source, where there is one. What
    cannot be decoded is left out, and a warning tells how many. Raises FileNotFoundError, or
    ValueError if nothing usable is inside.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source} is not there; set MESOSCOPE_DATA to the data folder")
    found = dataset.files(source)
    below, beside = dataset.labelled(found, source)
    pictures = [file for file in below if file.suffix in dataset.PICTURES]
    if not pictures:
        videos = sum(file.suffix in dataset.VIDEOS for file in found)
        cure = f", but {videos} videos: unpack and prepare them" if videos else ""
        raise ValueError(f"{source} holds no real/ or fake/ images{cure}")
    others = [file.name for file in below if file.suffix not in dataset.PICTURES]
    dataset.tell_left_out(source, others, "they are no pictures")
    known = tables.known(source, beside, [file.name for file in pictures])
    if any(file.name.rpartition("/")[2] == DONE for file in beside):
        pictures = _prepared(source, pictures, known)
    return _crops(source, pictures, known)


def is_prepared(folder: Path) -> bool:
    """Whether `training prepare` wrote the folder."""
    return (folder / DONE).is_file()


def set_name(folder: Path) -> str:
    """What the data in `folder` is called: DFDC, or as a prepared folder is."""
    return folder.resolve().name if is_prepared(folder) else DFDC


def part(folder: Path, name: str) -> Crops:
    """The crops of one split: of a prepared folder, or of folder/dfdc224-NAME.tar."""
    if not is_prepared(folder):
        return read(folder / f"dfdc224-{name}.tar")
    crops = read(folder)
    splits = crops.columns.get("split")
    if splits is None:
        raise ValueError(f"the manifest.csv of {folder} has no column `split`")
    return crops.take(np.flatnonzero(splits == name))


def need_both(crops: Crops, what: str) -> Crops:
    """`crops` again. Raises ValueError, naming `what` they are, without both reals and fakes."""
    fakes = int(np.count_nonzero(crops.fake))
    if 0 < fakes < len(crops):
        return crops
    held = f"{fakes} fakes and no reals" if fakes else f"{len(crops)} reals and no fakes"
    raise ValueError(
        f"{what} holds {held if len(crops) else 'no crops'}; it needs both: prepare more people, "
        "or state each file's split in the column `split` of a manifest.csv"
    )


def _prepared(source: Path, pictures: list[File], known: tables.Rows) -> list[File]:
    """Those of a prepared folder that its manifest names; others are of clips that went since."""
    if not known:
        raise ValueError(f"{source} is not prepared to its end: run `prepare` again")
    others = [file.name for file in pictures if file.name not in known]
    dataset.tell_left_out(source, others, "the manifest does not name them")
    return [file for file in pictures if file.name in known]


def _crops(source: Path, pictures: list[File], known: tables.Rows) -> Crops:
    images: dict[str, bytes] = {}
    damaged = []
    for file in pictures:
        try:
            images[file.name] = _whole(file.content())
        except ValueError:
            damaged.append(file.name)
    dataset.tell_left_out(source, damaged, "they cannot be decoded")
    if not images:
        raise ValueError(f"none of the {len(pictures)} images of {source} can be decoded")
    names = tuple(images)
    rows = [known.get(name, {}) for name in names]
    return Crops(
        names,
        tuple(images.values()),
        np.array([name.startswith("fake/") for name in names]),
        np.array([row.get("identity") or name for row, name in zip(rows, names, strict=True)]),
        np.array([_group(row) or name for row, name in zip(rows, names, strict=True)]),
        {
            c: np.array([row.get(c, "") for row in rows])
            for c in COLUMNS
            if any(c in r for r in rows)
        },
    )


def _group(row: dict[str, str]) -> str:
    """What a real and its own fake have in common; of a recording, the same moment."""
    if row.get("source"):
        return f"{row['source']} {row.get('time_s', '')}"
    return row.get("group_original", "")


def decode(image: bytes) -> Uint8:
    """An encoded image as uint8 RGB [H, W, 3]; raises ValueError if it is damaged."""
    return np.asarray(cv2.cvtColor(_decoded(image), cv2.COLOR_BGR2RGB), np.uint8)


def _whole(image: bytes) -> bytes:
    """`image` again; raises ValueError if it is damaged."""
    _decoded(image, cv2.IMREAD_REDUCED_GRAYSCALE_2)  # a quarter of the time
    return image


def _decoded(image: bytes, how: int = cv2.IMREAD_COLOR) -> Any:
    try:
        picture = cv2.imdecode(np.frombuffer(image, np.uint8), how)
    except cv2.error:  # it is empty, or larger than OpenCV allows
        picture = None
    if picture is None:
        raise ValueError("an image of the training data cannot be read")
    return picture


def batches(crops: Crops, side_px: int, size: int = 64) -> Iterator[NDArray[np.float32]]:
    """The crops as a network is fed them in service: resize() and to_input(), nothing else."""
    for start in range(0, len(crops), size):
        images = crops.images[start : start + size]
        yield to_input(np.stack([resize(decode(image), side_px) for image in images]))
