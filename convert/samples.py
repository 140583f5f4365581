"""Face crops to convert and compare models with: from a folder, a tar or a video."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from models.preprocess import resize, to_input

Float32 = NDArray[np.float32]
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
VIDEO_SAMPLES_PER_S = 3.0


@dataclass(frozen=True, slots=True)
class Samples:
    """`crops` float32 [N, S, S, 3] in -1..1; `fake` bool [N], or None where nobody says."""

    crops: Float32
    fake: NDArray[np.bool_] | None

    def __len__(self) -> int:
        return len(self.crops)


def read(source: Path, side_px: int, limit: int = 256) -> Samples:
    """At most `limit` crops: of pictures below real/ and fake/ as many of each as there are.

    A video gives the crops of the faces that our own pipeline finds in it. Raises ConversionError.
    """
    if not source.exists():
        raise ConversionError(f"{source} is not there")
    if source.suffix.lower() in VIDEOS:
        return Samples(to_input(_faces(source, side_px, limit)), None)
    files = _tar(source) if source.is_file() else _folder(source)
    names = sorted(name for name, _ in files)
    chosen = _chosen(names, limit)
    if not chosen:
        raise ConversionError(f"{source} holds no {', '.join(PICTURES)} pictures")
    files = _tar(source) if source.is_file() else _folder(source)
    read = {name: _crop(name, content, side_px) for name, content in files if name in chosen}
    crops = to_input(np.stack([read[name] for name in chosen]))
    return (
        Samples(crops, np.array([_class(name) == "fake" for name in chosen]))
        if all(map(_class, chosen))
        else Samples(crops, None)
    )


def _chosen(names: list[str], limit: int) -> list[str]:
    """Spread over all, and balanced where there are classes."""
    by_class: dict[str, list[str]] = {}
    for name in names:
        by_class.setdefault(_class(name), []).append(name)
    both = by_class.keys() >= {"real", "fake"}
    groups = [by_class["real"], by_class["fake"]] if both else [names]
    each = min(limit // len(groups), *map(len, groups)) if both else min(limit, len(names))
    return [
        group[index]
        for group in groups
        for index in np.linspace(0, len(group) - 1, each).astype(int)
    ]


def _class(name: str) -> str:
    """The last of its folders that is called real or fake."""
    folders = [part for part in PurePosixPath(name).parts[:-1] if part in ("real", "fake")]
    return folders[-1] if folders else ""


def _tar(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile() and member.name.lower().endswith(PICTURES):
                    content = tar.extractfile(member)
                    yield member.name, content.read() if content else b""
    except tarfile.TarError as error:
        raise ConversionError(
            f"{path} is no folder, tar or video ({', '.join(VIDEOS)}): {error}"
        ) from error


def _folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICTURES:
            # With the folder's own name, so that real/ itself may be given.
            yield (
                f"{folder.resolve().name}/{path.relative_to(folder).as_posix()}",
                path.read_bytes(),
            )


def _crop(name: str, content: bytes, side_px: int) -> NDArray[np.uint8]:
    bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if bgr is None:
        raise ConversionError(f"{name} is not a picture")
    if bgr.shape[0] != bgr.shape[1]:
        raise ConversionError(
            f"{name} is {bgr.shape[1]} x {bgr.shape[0]}; wanted: square face crops"
        )
    return resize(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8), side_px)


def _faces(video: Path, side_px: int, limit: int) -> NDArray[np.uint8]:
    from models.preprocess import face_crop
    from server.analysis.faces import FaceFinder
    from server.analysis.video import MediaReader
    from server.errors import AppError

    finder = FaceFinder()
    crops: list[NDArray[np.uint8]] = []
    try:
        with MediaReader(video) as reader:
            for frame in reader.frames(VIDEO_SAMPLES_PER_S, limit):
                faces = finder.find(frame.rgb)
                crops += [face_crop(frame.rgb, points, side_px) for points in faces.landmarks]
                if len(crops) >= limit:
                    break
    except AppError as error:
        raise ConversionError(f"{video}: {error.title}. {error.detail}") from error
    if not crops:
        raise ConversionError(f"no face was found in {video}")
    return np.stack(crops[:limit])
