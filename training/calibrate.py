"""Scores to probabilities, and where verdicts begin: fitted on the val part, stored in the spec."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models import registry
from training import crops as data
from training import evaluate

# Of the val reals, the share that may be called fake; of the val fakes, the share that may be
# called real. Between the two thresholds the answer is "inconclusive".
FALSE_ALARMS = 0.01
MISSES = 0.05


def calibrate(name: str, data_folder: Path) -> registry.Calibration:
    """Fit the served file of `name` on the val part and write the result into its spec."""
    val_set = data.part(data_folder, "val")
    if registry.spec(name).positive_class != "fake":
        raise ValueError(f"{name} is trained for another class; calibrate knows fake only")
    calibration = fit(evaluate.logits(evaluate.load(name), val_set), val_set.fake)
    write(registry.WEIGHTS / f"{name}.json", calibration)
    registry.spec.cache_clear()
    return calibration


def fit(logits: NDArray[np.float32], fake: NDArray[np.bool_]) -> registry.Calibration:
    """Platt scaling (scale and offset by maximum likelihood), then the two thresholds.

    `logits` float32 [N] for the class "fake". The probability presumes as many fakes as reals,
    which is how the val part is made.
    """
    line = LogisticRegression(C=np.inf, max_iter=1000).fit(logits[:, None].astype(float), fake)
    scale, offset = float(line.coef_[0, 0]), float(line.intercept_[0])
    if scale <= 0:
        raise ValueError("the model calls real what is fake: check the polarity of its labels")
    probability = 1 / (1 + np.exp(-(scale * logits.astype(np.float64) + offset)))
    fake_at = float(np.quantile(probability[~fake], 1 - FALSE_ALARMS, method="higher"))
    real_at = float(np.quantile(probability[fake], MISSES, method="lower"))
    fake_at = float(np.nextafter(fake_at, 1))  # the real on the threshold is not called fake
    return registry.Calibration(
        round(scale, 5), round(offset, 5), round(fake_at, 5), round(min(real_at, fake_at), 5)
    )


def write(path: Path, calibration: registry.Calibration) -> None:
    """Replace the calibration in a spec's JSON file; what was measured with the old one goes."""
    spec = json.loads(path.read_text())
    spec["calibration"] = {
        name: getattr(calibration, name) for name in registry.Calibration.__slots__
    }
    spec["rates"] = None
    path.write_text(json.dumps(spec, indent=2, ensure_ascii=False) + "\n")
