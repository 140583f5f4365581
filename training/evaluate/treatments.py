"""What a picture meets on its way, done to one crop."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from models.preprocess import resize
from training.data.codecs import h264, jpeg
from training.data.crops import Uint8

Treatment = Callable[[Uint8], Uint8]  # of one crop uint8 [S, S, 3]


def smaller(share: float, crop: Uint8) -> Uint8:
    """As if the face had been that much smaller in its frame."""
    return resize(resize(crop, max(8, round(crop.shape[0] * share))), crop.shape[0])


def blurred(sigma_px: float, crop: Uint8) -> Uint8:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma_px), np.uint8)


def noisy(deviation: float, crop: Uint8) -> Uint8:
    grain = np.random.default_rng(int(crop.sum())).normal(0, deviation, crop.shape)
    return (crop + grain).clip(0, 255).astype(np.uint8)


def brighter(factor: float, crop: Uint8) -> Uint8:
    return (crop * factor).clip(0, 255).astype(np.uint8)


TREATMENTS: dict[str, tuple[Callable[..., Uint8], tuple[float, ...]]] = {
    "JPEG quality": (jpeg, (95, 70, 50, 30)),
    "H.264 CRF": (h264, (23, 28, 34, 40)),
    "scale": (smaller, (0.75, 0.5, 0.25)),
    "blur, px": (blurred, (0.5, 1.0, 2.0)),
    "noise": (noisy, (2.0, 5.0, 10.0)),
    "brightness": (brighter, (0.5, 0.75, 1.25, 1.5)),
}
