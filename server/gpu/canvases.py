"""Pictures of any size on one of a few canvases, since a framework compiles each size anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.pyramid import levels
from server.analysis.records import Float32
from server.analysis.runtimes.base import RuntimeFailed

SIDES_PX = (192, 384, 640, 960, 1920)  # of canvases


def canvas(height: int, width: int) -> tuple[int, int]:
    """The smallest canvas for a picture. Raises RuntimeFailed if it fits on none."""
    if max(height, width) > SIDES_PX[-1]:
        raise RuntimeFailed(f"pictures of {width} x {height} px fit on no canvas")
    tall, wide = (next(side for side in SIDES_PX if side >= px) for px in (height, width))
    return tall, wide


def placed(
    batches: Sequence[Float32], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Canvases and sides, as models.mtcnn.proposals takes them."""
    count = sum(map(len, batches))
    canvases = np.zeros((count, *size, 3), np.uint8)
    sides = np.zeros((count, 1 + len(levels(*size)), 2), np.float32)
    done = 0
    for batch in batches:
        here, (height, width) = slice(done, done + len(batch)), batch.shape[1:3]
        canvases[here, :height, :width] = batch
        own = [(height, width), *((level.height, level.width) for level in levels(height, width))]
        sides[here, : len(own)] = own
        done += len(batch)
    return canvases, sides


def own_cells(found: Float32, picture: tuple[int, int], canvas: tuple[int, int]) -> Float32:
    """Of the answers for a canvas float32 [N, cells, 5] those that lie within the picture."""
    own, start = [], 0
    for on_canvas, level in zip(levels(*canvas), levels(*picture), strict=False):
        rows, columns = on_canvas.cells
        cells = found[:, start : start + rows * columns].reshape(-1, rows, columns, 5)
        start += rows * columns
        own.append(cells[:, : level.cells[0], : level.cells[1]].reshape(len(found), -1, 5))
    return np.concatenate(own, axis=1) if own else np.empty((len(found), 0, 5), np.float32)
