"""Another view of a picture: other colours and light, other sharpness, uint8 RGB to the same.

The numbers of `other_view` are those of the self-blends' published code (see hulls.py).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.forgery import ovals

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

CRUDE = 0.1  # share of views whose colours are far off, as cheap fakes have them
TOUCHED = 0.25  # share of pictures that are another view of themselves before they are forged
UPS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def other_view(rgb: Uint8, rng: np.random.Generator) -> Uint8:
    """Slightly other colours and light, then coarser or sharper."""
    if rng.random() < CRUDE:
        return ovals.other_view(rgb, rng)
    shift = rng.uniform(-20, 20, 3) if rng.random() < 0.3 else np.zeros(3)
    contrast, brightness = 1 + rng.uniform(-0.1, 0.1), 255 * rng.uniform(-0.1, 0.1)
    return coarser_or_sharper(by_channel(rgb, contrast, shift * contrast + brightness), rng)


def coarser_or_sharper(rgb: Uint8, rng: np.random.Generator) -> Uint8:
    if rng.random() < 0.5:
        down = cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
        return rescaled(rgb, 1 / float(rng.choice((2, 4))), down, cv2.INTER_LINEAR)
    amount, lightness = float(rng.uniform(0.2, 0.5)), float(rng.uniform(0.5, 1))
    kernel = np.full((3, 3), -amount, np.float32)
    kernel[1, 1] = 1 - amount + amount * (8 + lightness)
    return np.asarray(cv2.filter2D(rgb, -1, kernel), np.uint8)


def rescaled(rgb: Uint8, share: float, down: int, up: int) -> Uint8:
    """Made that much smaller and as large as before."""
    side = rgb.shape[0]
    small = max(8, round(side * share))
    lesser = cv2.resize(rgb, (small, small), interpolation=down)
    return np.asarray(cv2.resize(lesser, (side, side), interpolation=up), np.uint8)


def by_channel(rgb: Uint8, factor: float | Float32, offset: float | Float32) -> Uint8:
    """`rgb * factor + offset`, a number or one for each channel, by a look-up table."""
    ramp = np.arange(256, dtype=np.float32)[:, None] * np.broadcast_to(factor, 3) + offset
    table = np.clip(np.rint(ramp), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(rgb, table[None]), np.uint8)


def matched(view: Uint8, like: Uint8, mask: Float32, rng: np.random.Generator) -> Uint8:
    """`view` with about the mean and spread of colours that `like` has in the mask's half.

    After Reinhard et al. 2001, in RGB or in CIELAB, and not always the whole way.
    """
    where = (mask > 0.5).astype(np.uint8)
    if not where.any():
        return view
    lab = rng.random() < 0.5
    pictures = [cv2.cvtColor(p, cv2.COLOR_RGB2LAB) if lab else p for p in (view, like)]
    (mean, spread), (wanted, wanted_spread) = (
        [v[:, 0] for v in cv2.meanStdDev(p, mask=where)] for p in pictures
    )
    factor = np.clip(wanted_spread / (spread + 1e-3), 0.5, 2.0) ** rng.uniform(0.5, 1)
    offset = mean + (wanted - mean) * rng.uniform(0.85, 1) - mean * factor
    changed = by_channel(np.asarray(pictures[0], np.uint8), factor, offset)
    return np.asarray(cv2.cvtColor(changed, cv2.COLOR_LAB2RGB), np.uint8) if lab else changed


def start(rgb: Uint8, rng: np.random.Generator) -> Uint8:
    """The real that is forged: as it is, or another view, so that sharpness alone tells nothing."""
    return other_view(rgb, rng) if rng.random() < TOUCHED else rgb
