"""Where containers keep what is said about their content: found by their structure alone.

Nothing is looked for by its bytes: what looks like a mark within a picture's data, or after its
end, is none. How much is read is bounded, whatever a file states.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from server.analysis.video.container import open_container
from server.analysis.video.files import open_file
from server.analysis.video.headers import JPEG_EXIF
from server.analysis.video.isobmff import boxes, content
from server.analysis.video.items import META_BYTES, Items
from server.errors import AppError
from server.formats import JPEG_SCAN, jpeg_segments

HEAD_BYTES = 16_000_000  # of a JPEG, before its picture data
PIECE_BYTES = 1_000_000
XMP_BYTES = 8_000_000
ALL_BYTES = 32_000_000
MOST_PIECES = 200
MOST_CHUNKS = 100_000

PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_APP1, JPEG_APP11, JPEG_APPS, JPEG_COMMENT = 0xE1, 0xEB, range(0xE0, 0xF0), 0xFE
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
MORE_XMP_HEAD = 32 + 4 + 4  # its digest, length and place
BARE_LABEL = b"AIGC{"
UUID_BYTES = 16
UUID_CREDENTIALS = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
UUID_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@dataclass(slots=True)
class Pieces:
    """What was found. `credentials`: how many bytes of Content Credentials, None for none.

    `texts`: (key, text) as PNG's chunks, comments and the tags of films have them.
    """

    credentials: int | None = None
    xmp: list[bytes] = field(default_factory=list)
    exif: list[bytes] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    _left: int = ALL_BYTES

    def add_credentials(self, size: int) -> None:
        self.credentials = (self.credentials or 0) + size

    def add_xmp(self, packet: bytes) -> None:
        self._keep(self.xmp, packet)

    def add_exif(self, data: bytes) -> None:
        self._keep(self.exif, data)

    def add_text(self, key: str, text: bytes, encoding: str = "utf-8") -> None:
        kept = text[:PIECE_BYTES].decode(encoding, errors="replace")
        self._keep(self.texts, (key, kept), len(kept))

    def _keep(self, pieces: list[Any], piece: Any, size: int | None = None) -> None:
        self._left -= len(piece) if size is None else size
        if self._left >= 0 and len(pieces) < MOST_PIECES:
            pieces.append(piece)


def gather(path: Path) -> Pieces:
    """The pieces of a file of any kind. Raises NotFound, Unreadable or EmptyFile."""
    found = Pieces()
    with os.fdopen(open_file(path), "rb") as file:
        head = file.read(16)
        with suppress(struct.error, zlib.error, IndexError, KeyError, ValueError):
            if head.startswith(b"\xff\xd8\xff"):
                _jpeg(file, found)
            elif head.startswith(PNG_START):
                _png(file, found)
            elif head.startswith(b"RIFF"):
                _riff(file, found)
            elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
                _boxes(file, found)
    if not (head.startswith((b"\xff\xd8\xff", PNG_START)) or head[8:12] == b"WEBP"):
        _tags(path, found)
    return found


def _jpeg(file: BinaryIO, found: Pieces) -> None:
    file.seek(0)
    head = file.read(HEAD_BYTES)
    more: list[tuple[int, bytes]] = []
    for marker, at in jpeg_segments(head):
        if marker == JPEG_SCAN:
            break
        data = head[at : at - 2 + int.from_bytes(head[at - 2 : at])]
        if marker == JPEG_EXIF and data.startswith(b"Exif\0\0"):
            found.add_exif(data)
        elif marker == JPEG_APP1 and data.startswith(JPEG_XMP):
            found.add_xmp(data.removeprefix(JPEG_XMP))
        elif marker == JPEG_APP1 and data.startswith(JPEG_MORE_XMP):
            part = data.removeprefix(JPEG_MORE_XMP)
            more.append((int.from_bytes(part[36:40]), part[MORE_XMP_HEAD:]))
        elif marker == JPEG_APP11 and data[12:16] == b"jumb":
            found.add_credentials(len(data))
        elif marker == JPEG_COMMENT:
            found.add_text("comment", data)
        elif marker in JPEG_APPS and data.startswith(BARE_LABEL):
            found.add_text("AIGC", data.removeprefix(b"AIGC"))
    if more:
        found.add_xmp(b"".join(part for _, part in sorted(more))[:XMP_BYTES])


def _png(file: BinaryIO, found: Pieces) -> None:
    for kind, size in _chunks(file, len(PNG_START), png=True):
        if kind == b"IEND":
            return
        if kind == b"caBX":
            found.add_credentials(size)
        elif kind == b"eXIf":
            found.add_exif(file.read(min(size, PIECE_BYTES)))
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            _png_text(kind, file.read(min(size, XMP_BYTES)), found)


def _png_text(kind: bytes, data: bytes, found: Pieces) -> None:
    key, _, text = data.partition(b"\0")
    encoding = "latin-1"
    if kind == b"zTXt":
        text = _inflated(text[1:])
    elif kind == b"iTXt":
        encoding, packed = "utf-8", text[:1] == b"\1"
        _, _, text = text[2:].partition(b"\0")  # the language
        _, _, text = text.partition(b"\0")  # the key in it
        text = _inflated(text) if packed else text
    if key == b"XML:com.adobe.xmp":
        found.add_xmp(text)
    else:
        found.add_text(key.decode("latin-1"), text, encoding)


def _inflated(data: bytes) -> bytes:
    """What deflate made small, up to the bound: a few bytes may state gigabytes."""
    return zlib.decompressobj().decompress(data, XMP_BYTES)


def _riff(file: BinaryIO, found: Pieces) -> None:
    for kind, size in _chunks(file, 12, png=False):
        if kind == b"C2PA":
            found.add_credentials(size)
        elif kind == b"EXIF":
            found.add_exif(file.read(min(size, PIECE_BYTES)))
        elif kind == b"XMP ":
            found.add_xmp(file.read(min(size, XMP_BYTES)))


def _chunks(file: BinaryIO, start: int, png: bool) -> Iterator[tuple[bytes, int]]:
    """(kind, size) of each chunk of a PNG or RIFF; the file stands at its content then."""
    at = start
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        if png:
            kind, size, rest = head[4:], int.from_bytes(head[:4]), 4  # a checksum
        else:
            kind, size = head[:4], int.from_bytes(head[4:], "little")
            rest = size % 2
        yield kind, size
        at += 8 + size + rest


def _boxes(file: BinaryIO, found: Pieces) -> None:
    size = file.seek(0, 2)
    for box in boxes(file, 0, size):
        if box.kind == b"uuid":
            name = content(file, box, UUID_BYTES)
            if name == UUID_CREDENTIALS:
                found.add_credentials(box.end - box.start)
            elif name == UUID_XMP:
                found.add_xmp(content(file, box, XMP_BYTES)[UUID_BYTES:])
        elif box.kind == b"meta" and box.end - box.start <= META_BYTES:
            _items(Items(file, box), found)


def _items(items: Items, found: Pieces) -> None:
    """Of a HEIC or AVIF picture."""
    for item, kind, _ in items.kinds():
        if kind == b"mime":
            found.add_xmp(items.data(item, XMP_BYTES))
        elif kind == b"Exif":
            data = items.data(item, PIECE_BYTES)
            found.add_exif(data[4 + int.from_bytes(data[:4]) :])


def _tags(path: Path, found: Pieces) -> None:
    """What FFmpeg tells of films: the tags of MP4, Matroska, AVI and FLV."""
    try:
        with open_container(path) as container:
            for key, text in container.metadata.items():
                found.add_text(key, text.encode())
    except AppError:
        pass  # the check itself reports what is wrong with it
