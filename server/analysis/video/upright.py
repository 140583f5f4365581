"""From a decoded picture to upright RGB, the way a player shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from server.analysis.records import Uint8
from server.analysis.video.tones import is_hdr, tones_of

UNSPECIFIED = 2  # of a matrix, a transfer function or primaries (ITU-T H.273)
HD_LINES = 720  # untagged video from here on is taken as BT.709, below as BT.601: as browsers do


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored rows and columns become upright: swap the axes, then mirror."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def from_exif(cls, tag: int) -> Orientation:
        """The EXIF orientation, 1..8; any other value is upright."""
        return {
            2: cls(False, True, False),
            3: cls(False, True, True),
            4: cls(False, False, True),
            5: cls(True, False, False),
            6: cls(True, True, False),
            7: cls(True, True, True),
            8: cls(True, False, True),
        }.get(tag, cls())

    @classmethod
    def from_frame(cls, frame: VideoFrame) -> Orientation:
        """The display matrix of the container, to the nearest quarter turn."""
        try:
            matrix = cast("memoryview | None", frame.side_data.get("DISPLAYMATRIX"))
        except ValueError:  # side data that PyAV has no name for hides all the others
            return cls._from_degrees(frame.rotation)
        if matrix is None:
            return cls()
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
        return cls.from_matrix(a, b, c, d)

    @classmethod
    def from_matrix(cls, a: int, b: int, c: int, d: int) -> Orientation:
        """To the nearest quarter turn: x becomes a * x + c * y, and y becomes b * x + d * y."""
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    @classmethod
    def _from_degrees(cls, counterclockwise: int) -> Orientation:
        quarters = round(counterclockwise / 90) % 4
        return (cls(), cls(True, False, True), cls(False, True, True), cls(True, True, False))[
            quarters
        ]

    def apply(self, picture: Uint8) -> Uint8:
        """`picture` uint8 [H, W, 3] as stored, upright and contiguous."""
        if self.transpose:
            picture = picture.transpose(1, 0, 2)
        step_x, step_y = (-1 if self.flip_x else 1), (-1 if self.flip_y else 1)
        return np.ascontiguousarray(picture[::step_y, ::step_x])


@dataclass(frozen=True, slots=True)
class Colours:
    """What a container tells of how colours are coded, as numbers of ITU-T H.273."""

    matrix: int
    color_range: int
    transfer: int
    primaries: int

    @classmethod
    def of(cls, stream: VideoStream) -> Colours:
        """Of a stream of which nothing is decoded yet; later it tells what its pictures tell."""
        codec = stream.codec_context
        return cls(codec.colorspace, codec.color_range, codec.color_trc, codec.color_primaries)

    def complete(self, frame: VideoFrame) -> None:
        """Tell `frame` what it leaves open."""
        if frame.colorspace == UNSPECIFIED and not frame.format.is_rgb:
            frame.colorspace = self.matrix
        if frame.color_range == ColorRange.UNSPECIFIED:
            frame.color_range = self.color_range
        if frame.color_trc == UNSPECIFIED:
            frame.color_trc = self.transfer
        if frame.color_primaries == UNSPECIFIED:
            frame.color_primaries = self.primaries


@dataclass(frozen=True, slots=True)
class Upright:
    """Turns every frame of one video into RGB of one size, `width_px` x `height_px` upright.

    A video may change its size on the way; a player keeps its window, and so do we: boxes of
    different frames must be comparable.
    """

    width_px: int
    height_px: int
    orientation: Orientation
    colours: Colours

    def __call__(self, frame: VideoFrame) -> Uint8:
        """`frame` as uint8 [height_px, width_px, 3], as a screen of BT.709 shows it.

        10 bits and more are cut to 8; HDR and wide gamuts are mapped.
        """
        width, height = self.width_px, self.height_px
        if self.orientation.transpose:
            width, height = height, width
        self.colours.complete(frame)
        tones = tones_of(frame)
        rgb = frame.to_ndarray(
            format="rgb24" if tones is None else "rgb48le",
            width=width,
            height=height,
            src_colorspace=_guessed_colorspace(frame),
            threads=1,
        )
        shown = np.asarray(rgb, np.uint8) if tones is None else tones(np.asarray(rgb, np.uint16))
        return self.orientation.apply(shown)


def _guessed_colorspace(frame: VideoFrame) -> Colorspace | None:
    """How colours are coded where the file does not tell; None where it does."""
    if frame.colorspace != UNSPECIFIED or frame.format.is_rgb:
        return None
    if is_hdr(frame):
        return Colorspace.BT2020
    return Colorspace.ITU709 if frame.height >= HD_LINES else Colorspace.ITU601
