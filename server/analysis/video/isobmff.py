"""The boxes that MP4, MOV, HEIC and AVIF files are made of (ISO/IEC 14496-12).

For what FFmpeg does not tell of them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MOST_BOXES = 10_000  # beside each other; a file of more is made to keep its reader busy


class Box(NamedTuple):
    """A box by its kind, with the places in the file where its content starts and ends."""

    kind: bytes
    start: int
    end: int


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places of `file`, up to the first that is none."""
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        content = start + 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
            content = start + 16
        elif size == 0:
            size = end - start
        if start + size < content:
            return
        yield Box(kind, content, min(start + size, end))
        start += size


def inside(file: BinaryIO, box: Box, *path: bytes) -> Iterator[Box]:
    """All boxes that lie in `box` under these kinds, one within the other."""
    for inner in boxes(file, box.start, box.end):
        if inner.kind == path[0]:
            if len(path) == 1:
                yield inner
            else:
                yield from inside(file, inner, *path[1:])


def content(file: BinaryIO, box: Box, limit: int) -> bytes:
    """The first `limit` bytes of what `box` holds."""
    file.seek(box.start)
    return file.read(min(limit, box.end - box.start))
