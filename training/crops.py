"""Face crops and what is known about each: the tars of the data folder, read without unpacking."""

from __future__ import annotations

import csv
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocess import resize, to_input

Uint8 = NDArray[np.uint8]
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True, slots=True)
class Crops:
    """N encoded face crops. `fake` bool [N]; `identities` and `groups` str [N].

    A group holds a real and its own fake; an identity is one person (both estimated by the data's
    makers). Where nothing is known of a file, its name stands for both.
    """

    names: tuple[str, ...]
    images: tuple[bytes, ...]
    fake: NDArray[np.bool_]
    identities: NDArray[Any]
    groups: NDArray[Any]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, indices: NDArray[np.intp]) -> Crops:
        return Crops(
            tuple(self.names[i] for i in indices),
            tuple(self.images[i] for i in indices),
            self.fake[indices],
            self.identities[indices],
            self.groups[indices],
        )

    def pairs(self) -> NDArray[np.intp]:
        """Indices [P, 2] of each real and its own fake, in the order of the groups' names."""
        real = {g: i for i, g in enumerate(self.groups) if not self.fake[i]}
        fake = {g: i for i, g in enumerate(self.groups) if self.fake[i]}
        both = sorted(real.keys() & fake.keys())
        return np.array([(real[g], fake[g]) for g in both], np.intp).reshape(-1, 2)


def data_dir() -> Path:
    """MESOSCOPE_DATA, or shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("MESOSCOPE_DATA", beside))


def read(source: Path) -> Crops:
    """The crops of a tar or folder with real/ and fake/ in it.

    Identities and groups come from a manifest.csv beside the source, where there is one. Raises
    FileNotFoundError, or ValueError if nothing usable is inside.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source} is not there; set MESOSCOPE_DATA to the data folder")
    files = sorted(_tar_members(source) if source.is_file() else _folder_files(source))
    if not files:
        raise ValueError(f"{source} holds no real/ or fake/ images")
    names = tuple(name for name, _ in files)
    known = _manifest(source.parent / "manifest.csv")
    rows = [known.get(name, {"identity": name, "group_original": name}) for name in names]
    return Crops(
        names,
        tuple(image for _, image in files),
        np.array([name.startswith("fake/") for name in names]),
        np.array([row["identity"] for row in rows]),
        np.array([row["group_original"] for row in rows]),
    )


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


def _manifest(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if "file" in row]
    return {row["file"]: row for row in rows if row.get("identity")}


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
