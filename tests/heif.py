"""HEIC and AVIF photos made of tiles, as phones write them, made at test time.

`tiled(path, rgb, ...)` cuts a picture into tiles, encodes each, and writes how they lie together.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from tests.media import clip

# Of an encoder: what items and their preparation are called, and the file.
KINDS = {"libx265": (b"hvc1", b"hvcC", b"heic"), "libsvtav1": (b"av01", b"av1C", b"avif")}
# Without B pictures: x265 gives the first few of these odd times.
FINE = {"libx265": {"crf": "10", "bf": "0"}, "libsvtav1": {"crf": "10", "preset": "12"}}


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, bytes([version]), flags.to_bytes(3, "big"), *parts)


@dataclass(frozen=True)
class Item:
    """A picture, or how others make one; `inside`: stored with the descriptions."""

    kind: bytes
    data: bytes
    properties: Sequence[bytes]
    hidden: bool = False
    protected: bool = False
    inside: bool = False


def tiled(
    path: Path,
    rgb: np.ndarray,
    side: int = 128,
    *,
    codec: str = "libx265",
    pixels: str = "yuv420p",
    transforms: Sequence[bytes] = (),
    colours: Sequence[bytes] = (),
    thumbnail: np.ndarray | None = None,
    kind: bytes = b"grid",
    protected: bool = False,
    inside: bool = True,
    cut: int = 0,
) -> Path:
    """Write `rgb` as tiles of `side` px; those of the last column and row are padded.

    transforms, colours: properties of the whole, such as box(b"irot", b"\\1"), and of each tile.
    thumbnail: a picture of its own that comes first in the file.
    kind, protected, inside: of the item that is shown; cut: bytes that are missing at the end.
    """
    height, width = rgb.shape[:2]
    rows, columns = -(-height // side), -(-width // side)
    padding = (0, rows * side - height), (0, columns * side - width), (0, 0)
    padded = np.pad(rgb, padding, mode="edge")
    tiles = [
        coded(padded[y : y + side, x : x + side], codec, pixels, colours)
        for y in range(0, rows * side, side)
        for x in range(0, columns * side, side)
    ]
    before = [] if thumbnail is None else [coded(thumbnail, codec, pixels, ())]
    layout = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    shape = full(b"ispe", struct.pack(">II", width, height))
    whole = Item(kind, layout, [shape, *transforms], protected=protected, inside=inside)
    data = file(KINDS[codec][2], [*before, *tiles, whole], len(tiles))
    path.write_bytes(data[: len(data) - cut])
    return path


def coded(rgb: np.ndarray, codec: str, pixels: str, colours: Sequence[bytes]) -> Item:
    """A picture as one item."""
    with TemporaryDirectory() as folder:
        path = clip(Path(folder) / "a.mkv", [rgb], codec=codec, pixels=pixels, options=FINE[codec])
        with av.open(str(path)) as container:
            (packet, *_) = container.demux(video=0)
            prepared = box(KINDS[codec][1], container.streams.video[0].codec_context.extradata)
            shape = full(b"ispe", struct.pack(">II", rgb.shape[1], rgb.shape[0]))
            properties = [shape, prepared, *colours]
            return Item(KINDS[codec][0], bytes(packet), properties, hidden=True)


def file(brand: bytes, items: Sequence[Item], parts: int) -> bytes:
    """A file that shows the last of `items`, which is made of the `parts` before it."""
    shown = len(items)
    stored = [item for item in items if not item.inside]
    kept = b"".join(item.data for item in items if item.inside)
    made_of = struct.pack(f">HH{parts}H", shown, parts, *range(shown - parts, shown))
    described = [
        full(b"hdlr", bytes(4), b"pict", bytes(13)),
        full(b"pitm", struct.pack(">H", shown)),
        full(b"iinf", struct.pack(">H", shown), *(entry(n, i) for n, i in enumerate(items, 1))),
        full(b"iref", box(b"dimg", made_of)),
        owned(items),
        box(b"idat", kept),
    ]

    def head(at: int) -> bytes:
        places, next_inside = b"", 0
        for number, item in enumerate(items, 1):
            start = next_inside if item.inside else at
            places += struct.pack(">HHHHII", number, item.inside, 0, 1, start, len(item.data))
            at += 0 if item.inside else len(item.data)
            next_inside += len(item.data) if item.inside else 0
        where = full(b"iloc", struct.pack(">HH", 0x4400, shown), places, version=1)
        return box(b"ftyp", brand, bytes(4), b"mif1", brand) + full(b"meta", *described, where)

    return head(len(head(0)) + 8) + box(b"mdat", *(item.data for item in stored))


def entry(number: int, item: Item) -> bytes:
    named = struct.pack(">HH", number, item.protected)
    return full(b"infe", named, item.kind, b"\0", version=2, flags=item.hidden)


def owned(items: Sequence[Item]) -> bytes:
    """All properties, and whose they are."""
    every = [one for item in items for one in item.properties]
    owners, first = b"", 1
    for number, item in enumerate(items, 1):
        count = len(item.properties)
        owners += struct.pack(f">HB{count}B", number, count, *range(first, first + count))
        first += count
    owners = struct.pack(">I", len(items)) + owners
    return box(b"iprp", box(b"ipco", *every), full(b"ipma", owners))
