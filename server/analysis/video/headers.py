"""What the first and last bytes of a file say, where FFmpeg does not tell."""

from __future__ import annotations

import struct

from server.analysis.video.files import FileEnds
from server.analysis.video.tiff import byte_order, tags
from server.formats import EBML, FLV, JPEG_SCAN, jpeg_segments, jpeg_size

STARTS = (
    EBML,
    b"RIFF",
    b"GIF8",
    b"\x89PNG",
    b"\xff\xd8\xff",  # JPEG
    FLV,
    b"OggS",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"0&\xb2u",  # ASF, WMV
)
TS_PACKETS = (188, 192, 204)  # bytes, by variant of transport stream

JPEG_EXIF = 0xE1
EXIF_ORIENTATION = 0x0112


def looks_like_media(head: bytes) -> bool:
    """Whether a file that starts with `head` at least set out to be a video or picture."""
    return head.startswith(STARTS) or head[4:8] in (b"ftyp", b"moov", b"mdat")


def picture_size(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels that a PNG, GIF, WebP or JPEG claims; None for anything else."""
    try:
        if head.startswith(b"\x89PNG"):
            return struct.unpack_from(">II", head, 16)
        if head.startswith(b"GIF8"):
            return struct.unpack_from("<HH", head, 6)
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp_size(head)
    except struct.error:  # it ends before it has said so
        return None
    return jpeg_size(head)


def exif_orientation(head: bytes) -> int:
    """The EXIF orientation of a JPEG, 1..8; 1 (upright) where there is none."""
    try:
        for marker, at in jpeg_segments(head):
            if marker == JPEG_EXIF and head[at : at + 6] == b"Exif\0\0":
                tiff = head[at + 6 :]
                for tag, value in tags(tiff):
                    if tag == EXIF_ORIENTATION:
                        return int.from_bytes(value[:2], byte_order(tiff))
                return 1
    except struct.error:
        pass
    return 1


def ends_early(ends: FileEnds, kind: str) -> bool:
    """Whether a file that FFmpeg's demuxer `kind` reads lacks its end.

    Only for kinds that mark where they end; those that state a duration are judged by it.
    """
    if kind in ("png_pipe", "apng"):
        return b"IEND" not in ends.tail
    if kind == "gif":
        return b";" not in ends.tail[-4:]
    if kind in ("webp_pipe", "avi"):
        return int.from_bytes(ends.head[4:8], "little") + 8 > ends.size
    if kind == "mpegts":
        return all(ends.size % packet for packet in TS_PACKETS)
    if kind == "jpeg_pipe":
        # Searched from the picture data on: a thumbnail before it has an end of its own, and more
        # may follow it, such as a phone's motion clip.
        scans = [at for marker, at in jpeg_segments(ends.head) if marker == JPEG_SCAN]
        tail_at = ends.size - len(ends.tail)
        return not scans or ends.tail.find(b"\xff\xd9", max(0, scans[0] - tail_at)) < 0
    return False


def _webp_size(head: bytes) -> tuple[int, int] | None:
    chunk = head[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
