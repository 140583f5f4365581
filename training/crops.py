"""Face crops and what is known about each: the tars of the data folder, read without unpacking."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocess import resize, to_input
from training.sources import manifest

Uint8 = NDArray[np.uint8]
COLUMNS = (
    "method", "compression", "clip", "time_s", "face_px", "orig_face_px", "sharpness", "frontality",
    "split", "age", "gender", "race",
)  # fmt: skip
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True, slots=True)
class Crops:
    """N encoded face crops. `fake` bool [N]; `identities` and `groups` str [N].

    A group holds a real and its own fake; an identity is one person (both estimated by the data's
    makers). Where nothing is known of a file, its name stands for both. `columns` hold what else
    the manifest says of each crop, str [N], "" where it does not.
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
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("MESOSCOPE_DATA", beside))


def read(source: Path) -> Crops:
    """The crops of a tar or folder with real/ and fake/ in it.

    Identities and groups come from a manifest.csv beside or in the source, where there is one.
    Raises FileNotFoundError, or ValueError if nothing usable is inside.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source} is not there; set MESOSCOPE_DATA to the data folder")
    files = sorted(_tar_members(source) if source.is_file() else _folder_files(source))
    if not files:
        raise ValueError(f"{source} holds no real/ or fake/ images")
    names = tuple(name for name, _ in files)
    tables = ("manifest.csv", "fairface.csv")
    known = manifest(*(folder / table for folder in (source.parent, source) for table in tables))
    rows = [known.get(name, {}) for name in names]
    return Crops(
        names,
        tuple(image for _, image in files),
        np.array([name.startswith("fake/") for name in names]),
        np.array([row.get("identity") or name for row, name in zip(rows, names, strict=True)]),
        np.array([_group(row) or name for row, name in zip(rows, names, strict=True)]),
        {
            c: np.array([row.get(c, "") for row in rows])
            for c in COLUMNS
            if any(c in r for r in rows)
        },
    )


def part(folder: Path, name: str) -> Crops:
    """The crops of one split: of a prepared folder, or of folder/dfdc224-NAME.tar."""
    if not (folder / "done.jsonl").is_file():
        return read(folder / f"dfdc224-{name}.tar")
    crops = read(folder)
    return crops.take(np.flatnonzero(crops.columns["split"] == name))


def _group(row: dict[str, str]) -> str:
    """What a real and its own fake have in common; of a recording, the same moment."""
    if row.get("source"):
        return f"{row['source']} {row.get('time_s', '')}"
    return row.get("group_original", "")


def _tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as tar:
        for member in tar:
            content = tar.extractfile(member) if _is_crop(member.name) else None
            if content is not None:
                yield member.name, content.read()


def _folder_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if _is_crop(name):
            yield name, path.read_bytes()


def _is_crop(name: str) -> bool:
    return name.startswith(("real/", "fake/")) and name.lower().endswith(IMAGE_SUFFIXES)


def decode(image: bytes) -> Uint8:
    """An encoded image as uint8 RGB [H, W, 3]; raises ValueError if it is damaged."""
    bgr = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("an image of the training data cannot be read")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def batches(crops: Crops, side_px: int, size: int = 64) -> Iterator[NDArray[np.float32]]:
    """The crops as a network is fed them in service: resize() and to_input(), nothing else."""
    for start in range(0, len(crops), size):
        images = crops.images[start : start + size]
        yield to_input(np.stack([resize(decode(image), side_px) for image in images]))
