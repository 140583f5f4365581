"""What is left of a model's AUC after the treatments that a picture meets on its way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from training import metrics
from training.data import crops as data
from training.evaluate.model import p_fake_of
from training.evaluate.scored import Row, Scored
from training.evaluate.treatments import TREATMENTS, Treatment

CROPS = 400  # enough for an AUC to two digits; half of them fakes


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
