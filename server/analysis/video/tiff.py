"""The tags of a TIFF structure, which EXIF is written in (TIFF 6.0, section 2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}  # bytes, by kind of value
IN_PLACE = 4  # bytes of a value that stand in the entry itself
MOST_ENTRIES = 1000


def byte_order(tiff: bytes) -> Literal["little", "big"]:
    return "little" if tiff.startswith(b"II") else "big"


def tags(tiff: bytes, directory: int | None = None) -> Iterator[tuple[int, bytes]]:
    """(tag, value) of each entry of the directory at a place; of the first one, if none is named.

    Raises struct.error where the structure ends early.
    """
    sign = "<" if byte_order(tiff) == "little" else ">"
    if directory is None:
        (directory,) = struct.unpack_from(sign + "I", tiff, 4)
    (count,) = struct.unpack_from(sign + "H", tiff, directory)
    for number in range(min(count, MOST_ENTRIES)):
        at = directory + 2 + 12 * number
        tag, kind, length = struct.unpack_from(sign + "HHI", tiff, at)
        size, place = SIZES.get(kind, 1) * length, at + 8
        if size > IN_PLACE:
            (place,) = struct.unpack_from(sign + "I", tiff, place)
        yield tag, tiff[place : place + size]
