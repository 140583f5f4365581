"""The pictures, and descriptions of pictures, that a HEIC or AVIF file lists (ISO/IEC 14496-12)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from server.analysis.video.isobmff import Box, boxes, content, inside

META_BYTES = 8_000_000  # of descriptions; the pictures themselves lie elsewhere
IN_FILE, IN_IDAT = 0, 1  # where an item's content is
FARTHEST = 1 << 62  # a place in a file; one further on cannot even be looked for


class Fields:
    """Reads big-endian numbers one after another; IndexError past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, size: int) -> int:
        return int.from_bytes(self.raw(size), "big")

    def raw(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise IndexError("the data end early")
        return self._data[start : self._at]


class Items:
    """What the `meta` box of a file tells. What it lacks or cannot be raises IndexError,
    KeyError or ValueError."""

    def __init__(self, file: BinaryIO, meta: Box) -> None:
        self._file = file
        self._meta = BytesIO(content(file, meta, META_BYTES))
        self._whole = Box(b"meta", 4, len(self._meta.getbuffer()))  # version and flags come first

    def primary(self) -> int:
        """The number of the item that the file shows."""
        version, _, fields = self._full(self._first(b"pitm"))
        return fields.number(2 if version == 0 else 4)

    def kind(self, item: int) -> tuple[bytes, bool]:
        """How an item is coded, and whether it is encrypted."""
        for number, coded, protected in self.kinds():
            if number == item:
                return coded, protected
        raise KeyError(item)

    def kinds(self) -> Iterator[tuple[int, bytes, bool]]:
        """(item, how it is coded, whether it is encrypted) of each item that is listed."""
        start, end = self._first(b"iinf")[1:]
        first = start + (6 if self._full(Box(b"iinf", start, end))[0] == 0 else 8)
        for box in boxes(self._meta, first, end):
            version, _, fields = self._full(box)
            if version >= 2:
                item = fields.number(2 if version == 2 else 4)
                protected = fields.number(2) > 0
                yield item, fields.raw(4), protected

    def parts(self, item: int) -> tuple[int, ...]:
        """The numbers of the items that one is derived from, in their order."""
        references = self._first(b"iref")
        size = 2 if self._full(references)[0] == 0 else 4
        for box in boxes(self._meta, references.start + 4, references.end):
            fields = Fields(content(self._meta, box, META_BYTES))
            if box.kind == b"dimg" and fields.number(size) == item:
                return tuple(fields.number(size) for _ in range(fields.number(2)))
        return ()

    def properties(self, item: int) -> Iterator[tuple[bytes, bytes]]:
        """(kind, content) of each property of an item, in the order in which they apply."""
        (owned,) = inside(self._meta, self._whole, b"iprp", b"ipco")
        every = list(boxes(self._meta, owned.start, owned.end))
        for owners in inside(self._meta, self._whole, b"iprp", b"ipma"):
            for position in self._associated(owners, item):
                if position > 0:
                    box = every[position - 1]
                    yield box.kind, content(self._meta, box, META_BYTES)

    def data(self, item: int, limit: int) -> bytes:
        """The first `limit` bytes of the first piece of an item's content."""
        where, offset, length = self._place(item)
        if offset + length > FARTHEST:
            raise ValueError("the content lies beyond all files")
        if where == IN_FILE:
            return content(self._file, Box(b"", offset, offset + length), limit)
        if where == IN_IDAT:
            start = self._first(b"idat").start + offset
            return content(self._meta, Box(b"", start, start + length), limit)
        raise KeyError(where)

    def _associated(self, owners: Box, item: int) -> Iterator[int]:
        version, flags, fields = self._full(owners)
        for _ in range(fields.number(4)):
            owner = fields.number(2 if version == 0 else 4)
            wide = flags & 1
            positions = [fields.number(1 + wide) for _ in range(fields.number(1))]
            if owner == item:
                yield from (position & (0x7FFF if wide else 0x7F) for position in positions)

    def _place(self, item: int) -> tuple[int, int, int]:
        """(IN_FILE, IN_IDAT or another kind of place, offset, length) of an item's first piece."""
        version, _, fields = self._full(self._first(b"iloc"))
        sizes = fields.number(2)
        offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
        index_size = sizes & 15 if version else 0
        for _ in range(fields.number(2 if version < 2 else 4)):
            number = fields.number(2 if version < 2 else 4)
            where = fields.number(2) & 15 if version else IN_FILE
            fields.raw(2)  # of which file
            base = fields.number(base_size)
            pieces = []
            for _ in range(fields.number(2)):
                fields.raw(index_size)
                pieces.append((fields.number(offset_size), fields.number(length_size)))
            if number == item:
                return where, base + pieces[0][0], pieces[0][1]
        raise KeyError(item)

    def _first(self, kind: bytes) -> Box:
        for box in inside(self._meta, self._whole, kind):
            return box
        raise KeyError(kind)

    def _full(self, box: Box) -> tuple[int, int, Fields]:
        """(version, flags, what follows them) of a box that has such."""
        fields = Fields(content(self._meta, box, META_BYTES))
        return fields.number(1), fields.number(3), fields
