"""Videos to measure with, made of the sample picture: nobody needs other people's clips."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np

from server.analysis.records import Uint8
from server.launch import SAMPLE

WIDTH, HEIGHT = 1280, 720  # pixels
SECONDS, PER_S = 30, 25
HEAD = (slice(10, 210), slice(85, 285))  # of the sample picture: rows and columns
FACE_PER_HEAD = 0.5  # how much of it is the face
GRAINS = 8  # pictures of camera noise, which follow each other


@dataclass(frozen=True, slots=True)
class Scene:
    """`faces` heads of one size that drift over a noisy ground.

    `face_px`: the side of a face; `grain`: the noise's sigma, of 255. Without noise a video would
    be far easier to decode than those that people watch.
    """

    width: int = WIDTH
    height: int = HEIGHT
    seconds: float = 60
    faces: int = 2
    face_px: int = 120
    grain: float = 7.0

    def __post_init__(self) -> None:
        columns, rows = self._grid
        if self.faces > columns * rows:
            raise ValueError(f"{self.faces} faces of {self.face_px} px do not fit")

    @property
    def _side(self) -> int:
        """Of a head, in pixels."""
        return round(self.face_px / FACE_PER_HEAD)

    @property
    def _grid(self) -> tuple[int, int]:
        """Columns and rows of heads that fit."""
        return self.width // self._side, self.height // self._side

    @property
    def name(self) -> str:
        return "x".join(f"{value:g}" for value in astuple(self))

    def pictures(self) -> Iterator[Uint8]:
        """uint8 RGB [height, width, 3], PER_S for each second."""
        side, (columns, _) = self._side, self._grid
        portrait, cell = _scaled(head(), side), self.width // columns
        grains = _grains(self.height, self.width, self.grain)
        count = round(self.seconds * PER_S)
        for index in range(count):
            rgb = _ground(self.width, self.height)
            for face in range(self.faces):
                row, column = divmod(face, columns)
                # There and back within 20 seconds, each from a place of its own.
                phase = 2 * math.pi * (index / (20 * PER_S) + face / 7)
                left = column * cell + round((cell - side) * (0.5 + 0.5 * math.sin(phase)))
                rgb[row * side : (row + 1) * side, left : left + side] = portrait
            yield np.asarray(cv2.add(rgb, grains[index % GRAINS], dtype=cv2.CV_8U), np.uint8)

    def file(self, folder: Path) -> Path:
        """The scene as MP4 (H.264) in `folder`, made unless it is there."""
        path = folder / f"{self.name}.mp4"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part")
            unfinished.write_bytes(encoded(self.pictures()))
            unfinished.rename(path)
        return path


@cache
def make() -> bytes:
    """Half a minute of 720p as MP4, H.264, with one face of about 150 px."""
    still = _scaled(_sample(), 600)
    high, wide = still.shape[:2]
    scene = _ground(WIDTH, HEIGHT)

    def pictures() -> Iterator[Uint8]:
        for index in range(SECONDS * PER_S):
            left = int((WIDTH - wide) * index / (SECONDS * PER_S))
            rgb = scene.copy()
            rgb[60 : 60 + high, left : left + wide] = still
            yield rgb

    return encoded(pictures())


def encoded(pictures: Iterator[Uint8], per_s: int = PER_S) -> bytes:
    """MP4, H.264, `per_s` pictures a second."""
    output = io.BytesIO()
    with av.open(output, "w", format="mp4") as container:
        stream = container.add_stream("libx264", Fraction(per_s), options={"preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        for index, rgb in enumerate(pictures):
            if index == 0:
                stream.height, stream.width = rgb.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return output.getvalue()


def repeated(path: Path, times: int, to: Path) -> Path:
    """The same video `times` over in one file, without coding it again: hours within seconds."""
    if to.exists():
        return to
    with av.open(path) as source:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.size]
        period = round(len(packets) / (stream.average_rate * stream.time_base))
        stamps = [(packet.pts, packet.dts) for packet in packets]
        unfinished = to.with_suffix(".part")
        with av.open(unfinished, "w", format="mp4") as target:
            copy = target.add_stream_from_template(stream)
            for turn in range(times):
                for packet, (pts, dts) in zip(packets, stamps, strict=True):
                    packet.stream = copy
                    packet.time_base = stream.time_base
                    packet.pts, packet.dts = pts + turn * period, dts + turn * period
                    target.mux_one(packet)
    return unfinished.rename(to)


def marked(clip: bytes, comment: bytes) -> bytes:
    """The same video in a file with other bytes: a box that players skip follows it."""
    return clip + (8 + len(comment)).to_bytes(4) + b"free" + comment


def head() -> Uint8:
    """The head of the sample picture, uint8 RGB [200, 200, 3]."""
    return _sample()[HEAD]


def _sample() -> Uint8:
    return np.asarray(cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB), np.uint8)


def _scaled(square: Uint8, side_px: int) -> Uint8:
    return np.asarray(cv2.resize(square, (side_px, side_px)), np.uint8)


def _ground(width: int, height: int) -> Uint8:
    return np.tile(np.linspace(40, 200, width, dtype=np.uint8)[None, :, None], (height, 1, 3))


def _grains(height: int, width: int, sigma: float) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(0, sigma, (height, width, 3)).astype(np.int16) for _ in range(GRAINS)]
