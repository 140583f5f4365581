"""What HEIC and AVIF files show: one coded picture, or tiles that make one (ISO/IEC 23008-12)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from server.analysis.video.isobmff import boxes
from server.analysis.video.items import Fields, Items
from server.analysis.video.refusals import PROTECTED
from server.analysis.video.upright import Orientation
from server.errors import CopyProtected, CorruptMedia, NoVideo

BRANDS = frozenset((b"mif1", b"mif2", b"miaf", b"heic", b"heix", b"heim", b"heis", b"avif"))
CODED = frozenset((b"hvc1", b"hev1", b"av01", b"avc1", b"jpeg", b"vvc1", b"evc1"))
GRID_BYTES = 12  # of a grid's description, at most
TURNED = np.array([[0, 1], [-1, 0]])  # (x, y) a quarter turn counterclockwise; y points down
MIRRORED = (np.diag([1, -1]), np.diag([-1, 1]))  # top with bottom, left with right


@dataclass(frozen=True, slots=True)
class Grid:
    """A picture that is stored as tiles of one size.

    tiles: their item numbers, row by row. width_px, height_px: of the whole as stored; tiles of the
    last column and row may go beyond. orientation: how the whole becomes upright.
    """

    columns: int
    width_px: int
    height_px: int
    tiles: tuple[int, ...]
    orientation: Orientation


def grid_of(path: Path, head: bytes) -> Grid | None:
    """How the tiles lie that a file shows as one picture; None where it shows something else.

    Raises CorruptMedia, CopyProtected, or NoVideo for a picture that is composed in another way.
    """
    if head[4:8] != b"ftyp" or BRANDS.isdisjoint(_brands(head)):
        return None
    with path.open("rb") as file:
        size = file.seek(0, 2)
        kinds = {box.kind: box for box in boxes(file, 0, size)}
        if b"meta" not in kinds or b"moov" in kinds:  # of a sequence it describes the cover
            return None
        try:
            return _grid(Items(file, kinds[b"meta"]))
        except (IndexError, KeyError, ValueError) as error:
            raise CorruptMedia(
                "What the file tells about its picture is damaged. Get the file again."
            ) from error


def _brands(head: bytes) -> set[bytes]:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[at : at + 4] for at in (8, *range(16, end - 3, 4))}


def _grid(items: Items) -> Grid | None:
    primary = items.primary()
    kind, protected = items.kind(primary)
    if protected:
        raise CopyProtected(PROTECTED)
    if kind in CODED:
        return None
    if kind != b"grid":
        raise NoVideo(
            f"The way the picture is composed ({kind.decode('latin-1')}) cannot be read here. "
            "Save it as JPEG or PNG."
        )
    fields = Fields(items.data(primary, GRID_BYTES))
    fields.raw(1)  # its version
    size = 4 if fields.number(1) & 1 else 2
    rows, columns = fields.number(1) + 1, fields.number(1) + 1
    width, height = fields.number(size), fields.number(size)
    tiles = items.parts(primary)
    if len(tiles) != rows * columns or width * height == 0:
        raise ValueError("tiles are missing")
    return Grid(columns, width, height, tiles, _orientation(items, primary))


def _orientation(items: Items, item: int) -> Orientation:
    """Turns and mirrors in the order in which they apply. EXIF, which may tell the same, does not
    count beside them."""
    matrix = np.eye(2, dtype=int)
    for kind, value in items.properties(item):
        if kind == b"irot":
            matrix = np.linalg.matrix_power(TURNED, value[0] & 3) @ matrix
        elif kind == b"imir":
            matrix = MIRRORED[value[0] & 1] @ matrix
    return Orientation.from_matrix(*matrix.T.flatten().tolist())
