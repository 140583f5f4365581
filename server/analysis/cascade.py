"""The steps of the MTCNN cascade, as pure functions; faces.py puts them in order.

Pictures are float32 RGB [H, W, 3] in 0..255. Rows are candidates, best first: float32 [N, 5], of
x1, y1, x2, y2 in pixels and the logit of being a face; after the O-Net [N, 15], with five landmark
x and five landmark y behind. Networks answer in columns too: 4 offsets, a logit, the landmarks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pyramid import PYRAMID_STEP, STRIDE_PX, WINDOW_PX, levels, windows_along
from server.analysis import boxes
from server.analysis.records import Float32, Uint8
from server.analysis.runtimes.base import Runtime

OUTSIDE = 127.5  # what lies beyond the picture's edge: 0 to the networks
STRIP_PIXELS = 25_000  # that the P-Net sees at once, where a level has more
LONGEST_SIDE_PX = 32_000  # cv2.remap takes no more than 32,767
MIXED_VALUES = 1 << 18  # of rows that are mixed at once: bounds the memory
SIDES_KEPT = 64  # whose weights are kept: more than three pyramids have


# Pictures ---------------------------------------------------------------------------------------


def shrink(rgb: Uint8, scale: float) -> Float32:
    """`rgb` as float32, its sides times `scale` where that makes it smaller, else as it is."""
    height, width = rgb.shape[:2]
    scale = min(scale, LONGEST_SIDE_PX / max(height, width, 1))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return rgb.astype(np.float32)


def pyramid(picture: Float32, least_px: float = 0.0) -> Iterator[tuple[float, Float32]]:
    """The picture at ever smaller scales, with the scale, while the P-Net's window fits.

    From floating point pixels and by area: rounding to uint8 or interpolating loses faces.
    `least_px`: levels that show only smaller faces than this are left out.
    """
    for level in levels(*picture.shape[:2]):
        if WINDOW_PX / level.scale / PYRAMID_STEP > least_px:
            yield level.scale, by_area(picture, level.height, level.width)


def by_area(picture: Float32, height: int, width: int) -> Float32:
    """[H, W, 3] shrunk to [height, width, 3]: each new pixel is the mean of what it covers.

    As cv2.INTER_AREA, but for rounding, in half its time: rows are mixed first, by products of
    small matrices, so that cv2 is left with fewer of them.
    """
    high, wide, channels = picture.shape
    covered, weights = _row_weights(high, height)
    rows = picture.reshape(high, wide * channels)
    mixed = np.empty((*weights.shape[:2], wide * channels), np.float32)
    each = max(1, MIXED_VALUES // (covered.shape[1] * rows.shape[1]))
    for start in range(0, len(covered), each):
        part = slice(start, start + each)
        taken = rows.take(covered[part], axis=0, mode="clip")  # in this mode threads run beside it
        np.matmul(weights[part], taken, out=mixed[part])
    mixed = mixed.reshape(-1, wide, channels)[:height]
    return np.asarray(cv2.resize(mixed, (width, height), interpolation=cv2.INTER_AREA))


@lru_cache(maxsize=SIDES_KEPT)
def _row_weights(old_px: int, new_px: int) -> tuple[NDArray[np.intp], Float32]:
    """For every two new rows the old rows that they cover, [N, K], and how much of each is in each
    new one, float32 [N, 2, K]."""
    share = old_px / new_px  # of old rows in each new one
    new = np.arange(new_px + new_px % 2).reshape(-1, 2, 1)
    count = min(old_px, math.ceil(2 * share) + 1)
    first = np.minimum((new[:, :1, 0] * share).astype(np.intp), old_px - count)
    covered = first + np.arange(count)
    old = covered[:, None]
    shared = np.minimum((new + 1) * share, old + 1) - np.maximum(new * share, old)
    return covered, (np.clip(shared, 0, None) / share).astype(np.float32)


def level_by_level(
    pnet: Runtime, picture: Float32, least_px: float = 0.0
) -> Iterator[tuple[float, Float32]]:
    """Each scale of the picture, with the P-Net's answer float32 [h, w, 5] there; see pyramid()."""
    for scale, level in pyramid(picture, least_px):
        yield scale, in_strips(pnet, level)


def at_once(
    proposals: Runtime, picture: Float32, _least_px: float = 0.0
) -> Iterator[tuple[float, Float32]]:
    """The same from a network that takes the picture and answers for all levels, [1, cells, 5]."""
    found = levels(*picture.shape[:2])
    rows = proposals.run(picture[None])[0] if found else np.empty((0, 5), np.float32)
    for level in found:
        here = math.prod(level.cells)
        yield level.scale, rows[:here].reshape(*level.cells, 5)
        rows = rows[here:]


def extract_patches(picture: Float32, rows: Float32, side_px: int) -> Float32:
    """The windows of `rows`, float32 [N, side_px, side_px, 3], sampled bilinearly.

    The first and last samples lie on the window's edges; what lies outside the picture is OUTSIDE.
    """
    height, width = picture.shape[:2]
    along = np.linspace(0, 1, side_px, dtype=np.float32)
    x = _samples(rows[:, 0], rows[:, 2], along, width)
    y = _samples(rows[:, 1], rows[:, 3], along, height)
    shape = len(rows), side_px, side_px
    map_x = np.broadcast_to(x[:, None, :], shape).reshape(-1, side_px)
    map_y = np.broadcast_to(y[:, :, None], shape).reshape(-1, side_px)
    windows = np.empty((*shape, 3), np.float32)
    flat = windows.reshape(-1, side_px, 3)
    for start in range(0, len(flat), LONGEST_SIDE_PX):
        part = slice(start, start + LONGEST_SIDE_PX)
        flat[part] = cv2.remap(
            picture,
            map_x[part],
            map_y[part],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(OUTSIDE,) * 3,
        )
    return windows


def _samples(start: Float32, end: Float32, along: Float32, size_px: int) -> Float32:
    """Where on one axis to sample, float32 [N, S] px; far outside once outside, lest the edge
    fade into what lies beyond."""
    places = (start[:, None] + (end - start)[:, None] * along) * ((size_px - 1) / size_px)
    inside = (places >= 0) & (places <= size_px - 1)
    return np.where(inside, places, np.float32(-9)).astype(np.float32)


# Networks ---------------------------------------------------------------------------------------


def in_batches(runtime: Runtime, inputs: Float32, sizes: Sequence[int], columns: int) -> Float32:
    """The network's answers to all inputs, float32 [N, columns], in batches of `sizes`.

    The sizes descend to 1, so that every batch is full.
    """
    answers = np.empty((len(inputs), columns), np.float32)
    done = 0
    while done < len(inputs):
        batch = slice(done, done + next(size for size in sizes if size <= len(inputs) - done))
        answers[batch] = runtime.run(inputs[batch])
        done = batch.stop
    return answers


def in_strips(pnet: Runtime, level: Float32) -> Float32:
    """The P-Net's answer to a whole level [H, W, 3], float32 [h, w, 5], from strips of it that
    overlap: the very same numbers, in a fraction of the memory."""
    high, wide = level.shape[:2]
    rows = windows_along(high)
    count = min(rows, -(-high * wide // STRIP_PIXELS))
    if count < 2:
        return np.asarray(pnet.run(level[None])[0])
    each = -(-rows // count)
    # One row of pixels more where the last pooled row has only one: all strips must be alike.
    strip = STRIDE_PX * (each - 1) + WINDOW_PX + high % 2
    answers = [
        pnet.run(level[None, start : start + strip])[0][:each]
        for start in range(0, STRIDE_PX * (rows - each), STRIDE_PX * each)
    ]
    left = rows - each * len(answers)
    return np.concatenate([*answers, pnet.run(level[None, high - strip :])[0][-left:]])


# Rows -------------------------------------------------------------------------------------------


def windows(answer: Float32, scale: float, least_logit: float) -> Float32:
    """Rows for the cells of the P-Net's answer float32 [h, w, 5] that may hold a face."""
    y, x = np.nonzero(answer[..., 4] > least_logit)
    cells = answer[y, x]
    corner = np.stack([x, y, x, y], axis=1) * STRIDE_PX + 1
    corner[:, 2:] += WINDOW_PX - 1
    cells[:, :4] = (corner + cells[:, :4] * (WINDOW_PX - 1)) / scale
    return best_first(cells)


def best_first(rows: Float32) -> Float32:
    return rows[np.argsort(-rows[:, 4], kind="stable")]


def nms_nongreedy(rows: Float32, most: float, of: Literal["both", "smaller"] = "both") -> Float32:
    """The rows that overlap no better row by more than `most` of the area of both together, or of
    the smaller one. `rows` come best first.

    Not greedy: a row is dropped if any better row overlaps it, even one that is dropped itself.
    """
    areas = boxes.areas(rows[:, :4])
    kept = np.ones(len(rows), bool)
    for start in range(0, len(rows), 512):  # bounds the memory; a noisy 4K frame has thousands
        worse, better = slice(start, start + 512), slice(0, start + 512)
        low = np.maximum(rows[worse, None, :2], rows[None, better, :2])
        high = np.minimum(rows[worse, None, 2:4], rows[None, better, 2:4])
        extent = np.maximum(high - low, 0)
        shared = extent[..., 0] * extent[..., 1]
        one, other = areas[worse, None], areas[None, better]
        whole = np.minimum(one, other) if of == "smaller" else one + other - shared
        rivals = np.tril(shared > most * whole, start - 1)
        kept[worse] = ~rivals.any(axis=1)
    return rows[kept]


def to_square(rows: Float32) -> Float32:
    return np.concatenate([boxes.square(rows[:, :4]), rows[:, 4:]], axis=1)


def regress(rows: Float32, answers: Float32) -> Float32:
    """Move the edges by the network's offsets, in sides of the box, and take its logit."""
    sides = rows[:, 2:4] - rows[:, :2] + 1  # boxes once counted whole pixels, hence the 1
    return np.concatenate(
        [rows[:, :4] + answers[:, :4] * np.tile(sides, 2), answers[:, 4:5]], axis=1
    )


def landmarks(rows: Float32, answers: Float32) -> Float32:
    """Five x and five y, float32 [N, 10] px, from where the network saw them in the box."""
    sides = rows[:, 2:4] - rows[:, :2] + 1
    return answers[:, 5:] * np.repeat(sides, 5, axis=1) + np.repeat(rows[:, :2], 5, axis=1) - 1
