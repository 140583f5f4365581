"""The format of a file, by its first bytes. Pure, and without any decoder's library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

EBML = b"\x1a\x45\xdf\xa3"  # Matroska, WebM: clusters one after another
FLV = b"FLV"
TS_SYNC, TS_PACKET = b"\x47", 188  # MPEG transport stream: a byte at the start of every packet
MOST_BOXES = 64  # before the samples of an MP4

JPEG = b"\xff\xd8"
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame: T.81, table B.1
JPEG_SCAN = 0xDA
JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})  # markers without a length
MOST_STEPS = 5000  # to the picture data; cameras write a few dozen segments before it


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """(marker, position of the content) of each segment of a JPEG before its picture data."""
    at = 2 if data.startswith(JPEG) else len(data)
    for _ in range(MOST_STEPS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in JPEG_ALONE:
            at += 2
        else:
            yield marker, at + 4
            if marker == JPEG_SCAN:
                return
            at += 2 + int.from_bytes(data[at + 2 : at + 4])


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as a JPEG's frame header states them; None if it has none."""
    for marker, at in jpeg_segments(data):
        if marker in JPEG_FRAMES:
            height, width = (int.from_bytes(data[at + x : at + x + 2]) for x in (1, 3))
            return (width, height) if at + 5 <= len(data) else None
    return None


def decodes_from_start(path: Path) -> bool:
    """Whether the first part of a media file can be decoded without the rest.

    True for containers that are read in order; MP4 only where its index precedes the samples.
    """
    with path.open("rb") as file:
        head = file.read(2 * TS_PACKET + 1)
    if head.startswith((EBML, FLV + b"\x01")):
        return True
    if all(head[at : at + 1] == TS_SYNC for at in (0, TS_PACKET, 2 * TS_PACKET)):
        return True
    return head[4:8] in (b"ftyp", b"styp") and _index_first(path)


def _index_first(path: Path) -> bool:
    """Walk the top-level boxes: is `moov` whole, and before `mdat`?"""
    size = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        for _ in range(MOST_BOXES):
            file.seek(at)
            header = file.read(16)
            if len(header) < 8:
                return False
            length, kind = int.from_bytes(header[:4], "big"), header[4:8]
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if kind == b"moov":
                return at + length <= size
            if kind == b"mdat" or length < 8:
                return False
            at += length
    return False
