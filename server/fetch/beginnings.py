"""Whether the first part of a media file can be decoded without the rest."""

from __future__ import annotations

from pathlib import Path

_EBML = b"\x1a\x45\xdf\xa3"  # Matroska and WebM: clusters one after another
_TS_PACKET = 188  # MPEG transport stream: a sync byte at every packet
_FLV = b"FLV\x01"


def decodes_from_start(path: Path) -> bool:
    """True for containers that are read in order; MP4 only where its index precedes the samples."""
    with path.open("rb") as file:
        head = file.read(2 * _TS_PACKET + 1)
    if head.startswith((_EBML, _FLV)):
        return True
    if all(head[at : at + 1] == b"\x47" for at in (0, _TS_PACKET, 2 * _TS_PACKET)):
        return True
    return head[4:8] in (b"ftyp", b"styp") and _index_first(path)


def _index_first(path: Path) -> bool:
    """Walk the top-level boxes: is `moov` whole, and before `mdat`?"""
    size = path.stat().st_size
    at = 0
    with path.open("rb") as file:
        for _ in range(64):
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
