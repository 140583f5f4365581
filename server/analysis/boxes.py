"""Pure box geometry. Boxes are float32 [N, 4], xyxy, in pixels, unless a name has another unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from server.analysis.records import Float32


def centers(boxes: Float32) -> Float32:
    """The middle of each box, float32 [N, 2] px."""
    middle: Float32 = (boxes[:, :2] + boxes[:, 2:]) / np.float32(2)
    return middle


def sides(boxes: Float32) -> Float32:
    """The longer side of each box, float32 [N] px."""
    longer: Float32 = np.max(boxes[:, 2:] - boxes[:, :2], axis=1)
    return longer


def areas(boxes: Float32) -> Float32:
    """float32 [N] px²; a box turned inside out has none."""
    extent: Float32 = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(extent[:, 0] * extent[:, 1], np.float32)


def iou(first: Float32, second: Float32) -> Float32:
    """Intersection over union of every pair: [N, 4] and [M, 4] to float32 [N, M] in 0..1.

    Two boxes without area have nothing in common: 0.
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    extent = np.maximum(high - low, 0)
    shared = extent[..., 0] * extent[..., 1]
    union = areas(first)[:, None] + areas(second)[None, :] - shared
    part: Float32 = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return part


def square(boxes: Float32) -> Float32:
    """The squares of the longer sides around the same middles, float32 [N, 4] px."""
    middle, half = centers(boxes), sides(boxes)[:, None] / np.float32(2)
    return np.concatenate([middle - half, middle + half], axis=1)


def to_fractions(
    box: Float32 | Sequence[float], width_px: int, height_px: int, digits: int = 4
) -> tuple[float, float, float, float]:
    """One xyxy box in pixels as x, y, width, height in fractions of the picture, rounded.

    What lies outside the picture is cut off; x + width and y + height never pass 1 by more than
    floating point's own rounding.
    """
    scale = np.array([width_px, height_px] * 2, np.float64)
    edges = np.clip(np.asarray(box, np.float64) / scale, 0, 1)
    left, top, right, bottom = (round(float(edge), digits) for edge in edges)
    return left, top, round(max(0.0, right - left), digits), round(max(0.0, bottom - top), digits)
