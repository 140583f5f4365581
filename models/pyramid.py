"""The sizes at which the cascade's first network looks at a picture. Loads no ML framework."""

from __future__ import annotations

import math
from dataclasses import dataclass

SMALLEST_PX = 20  # the pyramid starts where a face of this size fills the P-Net's window
WINDOW_PX, STRIDE_PX = 12, 2  # of the P-Net
PYRAMID_STEP = 0.709  # about sqrt(1/2): each level has half the pixels of the one before


@dataclass(frozen=True, slots=True)
class Level:
    """One size of a picture: its sides in pixels, and how many windows the P-Net sees in it."""

    scale: float
    height: int
    width: int

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the P-Net's answer."""
        return windows_along(self.height), windows_along(self.width)


def levels(height: int, width: int) -> list[Level]:
    """Ever smaller sizes of a picture while the P-Net's window fits, one level less than would.

    As in the package that the weights are from.
    """
    count = round(math.log(max(1, min(height, width)) / WINDOW_PX, 1 / PYRAMID_STEP) - 1)
    scales = [WINDOW_PX / SMALLEST_PX * PYRAMID_STEP**level for level in range(count)]
    return [Level(scale, int(height * scale), int(width * scale)) for scale in scales]


def windows_along(side_px: int) -> int:
    """Along one side; the last window of an odd side reaches one pixel beyond it."""
    return -(-(side_px - WINDOW_PX + STRIDE_PX) // STRIDE_PX)
