"""Scores to probabilities, and where verdicts begin: fitted on the val part, stored in the spec."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models import registry
from training.data import crops as data
from training.evaluate.model import load, logits

# Of the val reals, the share that may be called fake; of the val fakes, the share that may be
# called real. Between the two thresholds the answer is "inconclusive".
FALSE_ALARMS = 0.01
MISSES = 0.05


def calibrate(name: str, data_folder: Path) -> registry.Calibration:
    """Fit the served file of `name` on the val part and write the result into its spec.

    What was measured and fitted with the calibration before goes.
    """
    spec = registry.spec(name)
    if spec.positive_class is None:
        raise ValueError(f"{name} does not tell fake from real; choose a classifier")
    val_set = data.part(data_folder, "val")
    answers = logits(load(name), val_set)
    calibration = fit(-answers if spec.positive_class == "real" else answers, val_set.fake)
    registry.update(name, calibration=asdict(calibration), rates=None, likelihood=None)
    return calibration


def fit(logits: NDArray[np.float32], fake: NDArray[np.bool_]) -> registry.Calibration:
    """Platt scaling (scale and offset by maximum likelihood), then the two thresholds.

    `logits` float32 [N] for the class "fake". The probability presumes as many fakes as reals,
    which is how the val part is made. Thresholds lie on their sides of 0.5. Raises ValueError for
    a val part of one class, and for a model that takes fakes for real.
    """
    if fake.all() or not fake.any():
        raise ValueError("the val part has no crops of one class; it needs real and fake ones")
    # Classes that do not overlap have no likeliest scale; a weak prior then keeps it finite.
    overlap = logits[fake].min() <= logits[~fake].max()
    line = LogisticRegression(C=np.inf if overlap else 1.0, max_iter=1000)
    line.fit(logits[:, None].astype(float), fake)
    scale, offset = float(line.coef_[0, 0]), float(line.intercept_[0])
    if scale <= 0:
        raise ValueError(
            "the model calls real what is fake: check the polarity of its labels, and --positive "
            "of `convert`"
        )
    probability = 1 / (1 + np.exp(-(scale * logits.astype(np.float64) + offset)))
    fake_at = float(np.quantile(probability[~fake], 1 - FALSE_ALARMS, method="higher"))
    real_at = float(np.quantile(probability[fake], MISSES, method="lower"))
    fake_at = float(np.nextafter(fake_at, 1))  # the real on the threshold is not called fake
    return registry.Calibration(
        round(scale, 5),
        round(offset, 5),
        round(max(fake_at, 0.5), 5),
        round(min(real_at, 0.5), 5),
    )
