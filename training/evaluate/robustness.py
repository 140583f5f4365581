"""What is left of a model's AUC after the treatments that a picture meets on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np

from models.preprocess import resize
from training import metrics
from training.data import crops as data
from training.data.codecs import h264, jpeg
from training.evaluate.model import p_fake_of
from training.evaluate.scored import Row, Scored

Uint8 = data.Uint8
Treatment = Callable[[Uint8], Uint8]  # of one crop uint8 [S, S, 3]
CROPS = 400  # enough for an AUC to two digits; half of them fakes


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


def rows(given: Scored) -> list[Row]:
    """The AUC on evenly drawn pairs of the crops, untreated and after each treatment.

    Raises ValueError where no real has a fake of its own.
    """
    pairs = given.crops.pairs()
    if not len(pairs):
        raise ValueError("robustness is measured on reals that have a fake of their own")
    drawn = np.unique(np.linspace(0, len(pairs) - 1, CROPS // 2).astype(int))
    chosen = given.crops.take(pairs[drawn].ravel())
    pictures = [data.decode(image) for image in chosen.images]
    found = []
    for name, level, treat in _treatments():
        p_fake = p_fake_of(given.model, [treat(picture) for picture in pictures])
        low, high = metrics.interval(metrics.auc, chosen.fake, p_fake, chosen.identities)
        auc = metrics.auc(chosen.fake, p_fake)
        row = {"treatment": name, "level": level, "crops": len(chosen)}
        found.append({**row, "value": auc, "low": low, "high": high})
    return found


def _treatments() -> Iterator[tuple[str, float, Treatment]]:
    yield "none", 0.0, lambda crop: crop
    for name, (treat, levels) in TREATMENTS.items():
        for level in levels:
            yield name, level, partial(treat, level)
