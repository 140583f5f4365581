"""Pictures taken one by one, made one media file that the pipeline reads like any other.

Nothing is decoded here: the JPEGs become the packets of a Motion JPEG stream as they are, and are
first opened where all media are, in the check's own confined process.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from server.errors import BadValue
from server.formats import jpeg_size

CLOCK = Fraction(1, 1000)  # Matroska's


def join(path: Path, pictures: Sequence[bytes], times_s: Sequence[float]) -> Path:
    """Write `pictures` (JPEG, all of one size) with their media times into one new file at `path`.

    The file's times count from the first picture, as a video's do. Raises BadValue for what is no
    JPEG, for sizes that differ and for times that do not rise.
    """
    if any(later - earlier < CLOCK for earlier, later in pairwise(times_s)):
        raise BadValue("times_s must rise, by a millisecond or more.")
    sizes = {size_of(picture) for picture in pictures}
    if len(sizes) != 1:
        raise BadValue("All frames must have the same width and height.")
    import av

    [(width, height)] = sizes
    span_s = times_s[-1] - times_s[0]
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # nobody else's to read
    last = max(1, round(span_s / max(1, len(times_s) - 1) / CLOCK))  # as long as most of the others
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("mjpeg", rate=Fraction(1))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        stream.codec_context.time_base = CLOCK
        for picture, time_s in zip(pictures, times_s, strict=True):
            packet = av.Packet(picture)
            packet.stream, packet.time_base, packet.is_keyframe = stream, CLOCK, True
            packet.pts = packet.dts = round((time_s - times_s[0]) / CLOCK)
            packet.duration = last
            container.mux(packet)
    return path


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height of a JPEG; raises BadValue for anything else."""
    size = jpeg_size(picture)
    if not size or 0 in size:
        raise BadValue("Every part called frames must be a JPEG.")
    return size
