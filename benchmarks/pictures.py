"""Pictures to find faces in: of the shared clips where those are, else of one made here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.clip import Scene
from server.analysis.records import Uint8
from server.analysis.video import MediaReader

SEVERAL_FACES = "clips/real/facenet_multi_face.mp4"
SAMPLES_PER_S = 3.0


def stills(data: Path, count: int) -> list[Uint8]:
    """The middle picture of each of `count` clips, evenly chosen."""
    clips = sorted(data.glob("clips/*/*.mp4"))
    if not clips:
        scene = Scene(seconds=count / 5, faces=3)
        return list(scene.pictures())[::5][:count]
    chosen = [clips[int((i + 0.5) * len(clips) / count)] for i in range(min(count, len(clips)))]
    return [_middle(clip) for clip in chosen]


def video(data: Path, count: int) -> list[Uint8]:
    """`count` pictures that follow each other in one clip, as many a second as a check looks at."""
    clip = data / SEVERAL_FACES
    if not clip.is_file():
        scene = Scene(seconds=count / SAMPLES_PER_S, faces=3)
        return list(islice(scene.pictures(), 0, None, 8))[:count]
    with MediaReader(clip) as reader:
        frames = reader.frames(SAMPLES_PER_S, max_samples=10**6)
        return [frame.rgb for frame in islice(frames, count)]


def fit(rgb: Uint8, size: tuple[int, int]) -> Uint8:
    """`rgb` scaled and its longer sides cut, to `size` (width, height) px."""
    width, height = size
    scale = max(width / rgb.shape[1], height / rgb.shape[0])
    scaled = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    rgb = np.asarray(cv2.resize(rgb, scaled, interpolation=how), np.uint8)
    left, top = (scaled[0] - width) // 2, (scaled[1] - height) // 2
    return np.ascontiguousarray(rgb[top : top + height, left : left + width])


def saved(arrays: Sequence[np.ndarray], folder: Path, name: str) -> list[Path]:
    """One .npy file each, for all sides to read."""
    paths = [folder / f"{name}-{number}.npy" for number in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    return paths


def _middle(clip: Path) -> Uint8:
    with av.open(clip) as container:
        half = container.streams.video[0].frames // 2
        frames: Iterator[av.VideoFrame] = container.decode(video=0)
        return np.asarray(next(islice(frames, half, None)).to_ndarray(format="rgb24"), np.uint8)
