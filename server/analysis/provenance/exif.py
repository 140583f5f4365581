"""The few EXIF tags in which a tool names itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from server.analysis.video.tiff import byte_order, tags

PLAIN = {"description": 0x010E, "make": 0x010F, "software": 0x0131, "artist": 0x013B}
EXIF_DIRECTORY, USER_COMMENT = 0x8769, 0x9286
WANTED = frozenset((*PLAIN.values(), USER_COMMENT))
MOST_TEXT = 1_000_000  # bytes of one value
CODE_BYTES = 8  # that name the encoding of a user's comment
START = b"Exif\0\0"  # before the structure in a JPEG, and by habit elsewhere


@dataclass(frozen=True, slots=True)
class Exif:
    """What those tags say; empty where they are missing."""

    description: str = ""
    make: str = ""
    software: str = ""
    artist: str = ""
    comment: str = ""


def read(data: bytes) -> Exif:
    """The tags of an EXIF block, up to the first damaged place."""
    tiff = data.removeprefix(START)
    found = {tag: value for tag, value in _entries(tiff) if tag in WANTED}
    texts = {name: _text(found.get(tag, b"")) for name, tag in PLAIN.items()}
    return Exif(**texts, comment=_comment(found.get(USER_COMMENT, b""), tiff))


def _entries(tiff: bytes) -> Iterator[tuple[int, bytes]]:
    """Those of the first directory and of EXIF's own in it."""
    try:
        for tag, value in tags(tiff):
            yield tag, value
            if tag == EXIF_DIRECTORY:
                yield from tags(tiff, int.from_bytes(value[:4], byte_order(tiff)))
    except struct.error:
        pass


def _text(value: bytes) -> str:
    return value[:MOST_TEXT].partition(b"\0")[0].decode(errors="replace").strip()


def _comment(value: bytes, tiff: bytes) -> str:
    """A user's comment: 8 bytes that name its encoding, then the text."""
    code, text = value[:CODE_BYTES], value[CODE_BYTES : MOST_TEXT + CODE_BYTES]
    if not code.startswith(b"UNICODE"):
        return text.decode(errors="replace").strip("\0 ")
    # Whether UTF-16 follows the structure's byte order is written either way: ASCII tells.
    order = "be" if text[:1] == b"\0" else "le" if text[1:2] == b"\0" else ""
    order = order or ("le" if byte_order(tiff) == "little" else "be")
    return text.decode(f"utf-16-{order}", errors="replace").strip("\0 ")
