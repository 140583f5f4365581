"""Pictures of a video at a given rate, read in one of several ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks.peers.serve import Call, serve

Picture = tuple[float, np.ndarray]  # its time in seconds, and uint8 RGB [H, W, 3]
LATE_S = 0.001  # containers round times to that


def ours(path: Path, samples_per_s: float) -> Iterator[Picture]:
    """As a check reads them: in a thread, without the pictures that are not needed."""
    from server.analysis.video import MediaReader

    with MediaReader(path) as reader:
        for frame in reader.frames(samples_per_s, max_samples=10**9):
            yield frame.time_s, frame.rgb


def opencv(path: Path, samples_per_s: float) -> Iterator[Picture]:
    """Read every picture, and turn the wanted ones to RGB."""
    video = cv2.VideoCapture(str(path))
    per_s, index, due_s = video.get(cv2.CAP_PROP_FPS), 0, 0.0
    while True:
        there, bgr = video.read()
        if not there:
            return
        if index / per_s >= due_s - LATE_S:
            yield index / per_s, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            due_s += 1 / samples_per_s
        index += 1


def opencv_seeking(path: Path, samples_per_s: float) -> Iterator[Picture]:
    """Jump to each wanted picture."""
    video = cv2.VideoCapture(str(path))
    per_s, count = video.get(cv2.CAP_PROP_FPS), video.get(cv2.CAP_PROP_FRAME_COUNT)
    for number in range(round(count / per_s * samples_per_s)):
        index = round(number / samples_per_s * per_s)
        video.set(cv2.CAP_PROP_POS_FRAMES, index)
        there, bgr = video.read()
        if there:
            yield index / per_s, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def pyav(path: Path, samples_per_s: float) -> Iterator[Picture]:
    """Decode everything as PyAV does by itself, and turn the wanted ones to RGB."""
    import av

    due_s = 0.0
    with av.open(path) as container:
        for frame in container.decode(video=0):
            if frame.time >= due_s - LATE_S:
                yield frame.time, frame.to_ndarray(format="rgb24")
                due_s += 1 / samples_per_s


WAYS: dict[str, Callable[[Path, float], Iterator[Picture]]] = {
    "ours": ours,
    "opencv": opencv,
    "opencv-seeking": opencv_seeking,
    "pyav": pyav,
}


def make(way: str, samples_per_s: float) -> Call:
    """Gives the times of the pictures."""
    return lambda path: [time_s for time_s, _ in WAYS[way](path, samples_per_s)]


if __name__ == "__main__":
    serve(make, ("av", "opencv-python-headless"))
