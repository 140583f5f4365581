"""Face crops to convert and compare models with: from a folder, a tar or a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.dataset import LABELS, PICTURES, VIDEOS, File, files, tell_left_out
from convert.errors import ConversionError
from models.preprocess import resize, to_input
from server.analysis.records import Float32

VIDEO_SAMPLES_PER_S = 3.0


@dataclass(frozen=True, slots=True)
class Samples:
    """`crops` float32 [N, S, S, 3] in -1..1; `fake` bool [N], or None where there are no labels."""

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
    if source.suffix.lower() in VIDEOS and not source.is_dir():
        return Samples(to_input(_faces(source, side_px, limit)), None)
    pictures = _pictures(source)
    if not pictures:
        raise ConversionError(f"{source} holds no pictures ({', '.join(PICTURES)})")
    crops, damaged = _crops(_chosen(pictures, limit), side_px)
    tell_left_out(source, damaged, "they are no pictures")
    if not crops:
        raise ConversionError(f"none of the files of {source} that were looked at is a picture")
    labels = [_class(name) for name in crops]
    fake = np.array([label == "fake" for label in labels]) if all(labels) else None
    return Samples(to_input(np.stack(list(crops.values()))), fake)


def _pictures(source: Path) -> list[File]:
    """Of a folder with its own name before theirs, so that real/ itself may be given."""
    try:
        found = [file for file in files(source) if file.suffix in PICTURES]
    except (ValueError, OSError) as error:
        raise ConversionError(f"{error}; videos are taken as well") from error
    if source.is_file():
        return found
    return [replace(file, name=f"{source.resolve().name}/{file.name}") for file in found]


def _chosen(pictures: Sequence[File], limit: int) -> list[File]:
    """Spread over all, and balanced where there are classes."""
    by_class: dict[str, list[File]] = {}
    for file in pictures:
        by_class.setdefault(_class(file.name), []).append(file)
    both = by_class.keys() >= {"real", "fake"}
    groups = [by_class["real"], by_class["fake"]] if both else [list(pictures)]
    each = min(limit // len(groups), *map(len, groups)) if both else min(limit, len(pictures))
    return [
        group[index]
        for group in groups
        for index in np.linspace(0, len(group) - 1, each).astype(int)
    ]


def _class(name: str) -> str:
    """The last of its folders that is called real or fake, in capitals or not."""
    folders = [part.lower() for part in PurePosixPath(name).parts[:-1]]
    return next((folder for folder in reversed(folders) if folder in LABELS), "")


def _crops(chosen: Sequence[File], side_px: int) -> tuple[dict[str, NDArray[np.uint8]], list[str]]:
    """The crops by name, uint8 [S, S, 3], and the names of files that are no pictures."""
    crops, damaged = {}, []
    for file in chosen:
        try:
            crops[file.name] = _crop(file.name, file.content(), side_px)
        except ValueError:
            damaged.append(file.name)
    return crops, damaged


def _crop(name: str, content: bytes, side_px: int) -> NDArray[np.uint8]:
    """Raises ValueError for what is no picture, ConversionError for one that is no square."""
    bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if bgr is None:
        raise ValueError(f"{name} is not a picture")
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
