"""Animated WebP, which FFmpeg's decoder does not read; OpenCV's does."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import cv2
import numpy as np

from server.analysis.records import MediaInfo, Uint8
from server.analysis.video.container import check_size
from server.analysis.video.headers import picture_size
from server.analysis.video.sampling import Sampler
from server.errors import CorruptMedia

ANIMATION_FLAG = 0x02
FRAME_HEAD_BYTES = 16  # of an ANMF chunk: x, y, width, height, duration (3 bytes each), flags
TOO_SHORT_MS, INSTEAD_MS = 10, 100  # browsers show a picture for the latter if told the former
HELD_PIXELS = 64_000_000  # decoded at once


def is_animated_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and bool(head[20] & ANIMATION_FLAG)


class AnimatedWebp:
    """An animated WebP. Raises TooLarge or CorruptMedia."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self._data, shown_ms = _whole_frames(data)
        self.cut_short = False
        self._ends_early = len(self._data) != len(data) or _stated_size(data) > len(data)
        size = picture_size(data)
        if size is not None:
            check_size(*size)
        if not shown_ms or size is None:
            raise CorruptMedia("Not one picture of the animation is there. Get the file again.")
        self._times_s = np.cumsum([0, *shown_ms]) / 1000
        self.info = MediaInfo("video", *size, duration_s=self.length_s())
        next(self._decoded(at_once=1))

    def length_s(self) -> float:
        """How long the animation runs once."""
        return float(self._times_s[-1])

    def pictures(
        self, sampler: Sampler, seek: bool = False
    ) -> Generator[tuple[float, Uint8], None, None]:
        """(time in seconds, RGB) of each picture that `sampler` takes, in order."""
        del seek
        at_once = max(1, HELD_PIXELS // (self.info.width_px * self.info.height_px))
        for time_s, bgra in zip(self._times_s.tolist(), self._decoded(at_once), strict=False):
            if sampler.takes(time_s):
                yield time_s, np.ascontiguousarray(bgra[..., 2::-1])
        self.cut_short = self._ends_early

    def key_pictures(self, times_s: list[float]) -> Iterator[tuple[float, Uint8]]:
        """None: its pictures build on each other."""
        del times_s
        yield from ()

    def _decoded(self, at_once: int) -> Iterator[Uint8]:
        """Every picture up to the first damaged one, uint8 [H, W, 4] blue first."""
        data = np.frombuffer(self._data, np.uint8)
        for start in range(0, len(self._times_s) - 1, at_once):
            whole, animation = cv2.imdecodeanimation(data, start, at_once)
            if start == 0 and not animation.frames:
                raise CorruptMedia("The animation is damaged. Get the file again.")
            yield from (np.asarray(frame, np.uint8) for frame in animation.frames)
            if not whole:
                self._ends_early = True
                return


def _whole_frames(data: bytes) -> tuple[bytes, list[int]]:
    """`data` up to its last whole chunk, and how long each picture in it is shown, in ms.

    OpenCV refuses a file whose end is missing, so the stated size is made to fit what is there.
    """
    at, shown = 12, list[int]()
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if end > len(data):
            break
        if data[at : at + 4] == b"ANMF" and size >= FRAME_HEAD_BYTES:
            shown_ms = int.from_bytes(data[at + 20 : at + 23], "little")
            shown.append(shown_ms if shown_ms > TOO_SHORT_MS else INSTEAD_MS)
        at = end
    return data[:4] + (at - 8).to_bytes(4, "little") + data[8:at], shown


def _stated_size(data: bytes) -> int:
    return int.from_bytes(data[4:8], "little") + 8
