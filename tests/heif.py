"""HEIC and AVIF photos made of tiles, as phones write them, made at test time.

`tiled(path, rgb, ...)` cuts a picture into tiles, encodes each, and writes how they lie together.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from tests.media import clip

KINDS = {"libx265": (b"hvc1", b"hvcC", b"heic"), "libsvtav1": (b"av01", b"av1C", b"avif")}
FINE = {"libx265": {"crf": "10"}, "libsvtav1": {"crf": "10", "preset": "12"}}


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, bytes([version]), flags.to_bytes(3, "big"), *parts)


def coded(rgb: np.ndarray, codec: str, pixels: str) -> tuple[bytes, bytes]:
    """(the box that prepares a decoder, the coded picture)."""
    with TemporaryDirectory() as folder:
        path = clip(Path(folder) / "a.mkv", [rgb], codec=codec, pixels=pixels, options=FINE[codec])
        with av.open(str(path)) as container:
            (packet, *_) = container.demux(video=0)
            known = container.streams.video[0].codec_context.extradata
            return box(KINDS[codec][1], known), bytes(packet)


def tiled(
    path: Path,
    rgb: np.ndarray,
    side: int = 128,
    *,
    codec: str = "libx265",
    pixels: str = "yuv420p",
    transforms: Sequence[bytes] = (),
    thumbnail: np.ndarray | None = None,
    kind: bytes = b"grid",
    protected: bool = False,
    cut: int = 0,
) -> Path:
    """Write `rgb` as tiles of `side` px; those of the last column and row are padded.

    transforms: properties of the whole, such as box(b"irot", b"\\1").
    thumbnail: a picture of its own that comes first in the file.
    kind, protected: of the item that is shown; cut: bytes that are missing at the end.
    """
    height, width = rgb.shape[:2]
    rows, columns = -(-height // side), -(-width // side)
    padding = (0, rows * side - height), (0, columns * side - width), (0, 0)
    padded = np.pad(rgb, padding, mode="edge")
    pictures = [] if thumbnail is None else [thumbnail]
    pictures += [
        padded[y : y + side, x : x + side]
        for y in range(0, rows * side, side)
        for x in range(0, columns * side, side)
    ]
    layout = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    parts = [coded(np.ascontiguousarray(picture), codec, pixels) for picture in pictures]
    data = _file(parts, pictures, layout, (width, height), KINDS[codec], transforms, kind, protected)
    path.write_bytes(data[: len(data) - cut])
    return path


def _file(
    parts: Sequence[tuple[bytes, bytes]],
    pictures: Sequence[np.ndarray],
    layout: bytes,
    size: tuple[int, int],
    kinds: tuple[bytes, bytes, bytes],
    transforms: Sequence[bytes],
    kind: bytes,
    protected: bool,
) -> bytes:
    first = len(pictures) - (layout[2] + 1) * (layout[3] + 1) + 1  # number of the first tile
    whole = len(parts) + 1
    properties, owners = [], []
    for number, ((config, _), picture) in enumerate(zip(parts, pictures, strict=True), 1):
        shape = full(b"ispe", struct.pack(">II", picture.shape[1], picture.shape[0]))
        properties += [shape, config]
        owners.append((number, [len(properties) - 1, len(properties)]))
    properties.append(full(b"ispe", struct.pack(">II", *size)))
    start = len(properties)
    properties += transforms
    owners.append((whole, list(range(start, len(properties) + 1))))
    entries = [
        full(b"infe", struct.pack(">HH", number, 0), kinds[0], b"\0", version=2, flags=number >= first)
        for number in range(1, whole)
    ]
    entries.append(full(b"infe", struct.pack(">HH", whole, protected), kind, b"\0", version=2))
    tiles = range(first, whole)
    dimg = struct.pack(f">HH{len(tiles)}H", whole, len(tiles), *tiles)
    associated = b"".join(
        struct.pack(f">HB{len(positions)}B", number, len(positions), *positions)
        for number, positions in owners
    )

    def head(at: int) -> bytes:
        places = b""
        for number, (_, picture) in enumerate(parts, 1):
            places += struct.pack(">HHHHII", number, 0, 0, 1, at, len(picture))
            at += len(picture)
        places += struct.pack(">HHHHII", whole, 1, 0, 1, 0, len(layout))  # in idat
        return box(b"ftyp", kinds[2], bytes(4), b"mif1", kinds[2]) + full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(">H", whole)),
            full(b"iloc", struct.pack(">HH", 0x4400, whole), places, version=1),
            full(b"iinf", struct.pack(">H", whole), *entries),
            full(b"iref", box(b"dimg", dimg)),
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", struct.pack(">I", whole), associated)),
            box(b"idat", layout),
        )  # fmt: skip

    return head(len(head(0)) + 8) + box(b"mdat", *(picture for _, picture in parts))
