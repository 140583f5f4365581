"""How well P(fake) separates and how honest it is, with intervals over people, not pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn import metrics

from convert import bootstrap, ranking

Float = NDArray[np.floating[Any]]
Bool = NDArray[np.bool_]
Metric = Callable[[Bool, Float], float]

ECE_BINS = 15


def roc(fake: Bool, p_fake: Float) -> tuple[Float, Float]:
    """The shares of reals and of fakes at or above each threshold, from none to all of them."""
    false_positives, true_positives, _ = metrics.roc_curve(fake, p_fake, drop_intermediate=False)
    return false_positives, true_positives


def auc(fake: Bool, p_fake: Float) -> float:
    return ranking.auc(fake, p_fake)


def accuracy(fake: Bool, p_fake: Float) -> float:
    return float(metrics.accuracy_score(fake, p_fake >= 0.5))


def precision(fake: Bool, p_fake: Float) -> float:
    """Of those called fake, the share that is; 0 where none is called so."""
    return float(metrics.precision_score(fake, p_fake >= 0.5, zero_division=0))


def recall(fake: Bool, p_fake: Float) -> float:
    """Of the fakes, the share that is called so."""
    return float(metrics.recall_score(fake, p_fake >= 0.5))


def f1(fake: Bool, p_fake: Float) -> float:
    return float(metrics.f1_score(fake, p_fake >= 0.5))


def eer(fake: Bool, p_fake: Float) -> float:
    """Equal error rate: where as many reals are called fake as fakes real."""
    false_positives, true_positives = roc(fake, p_fake)
    misses = 1 - true_positives
    nearest = int(np.argmin(np.abs(misses - false_positives)))
    return float((misses[nearest] + false_positives[nearest]) / 2)


def tpr_at(false_positive_rate: float) -> Metric:
    """Of the fakes, the share found where at most that share of the reals is called fake."""

    def measure(fake: Bool, p_fake: Float) -> float:
        false_positives, true_positives = roc(fake, p_fake)
        return float(true_positives[false_positives <= false_positive_rate].max())

    return measure


def brier(fake: Bool, p_fake: Float) -> float:
    return float(metrics.brier_score_loss(fake, p_fake))


def ece(fake: Bool, p_fake: Float) -> float:
    """Expected calibration error over equal-width bins of P(fake)."""
    bins = np.minimum((p_fake * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = np.bincount(bins, fake, ECE_BINS) - np.bincount(bins, p_fake, ECE_BINS)
    return float(np.abs(gaps).sum() / len(p_fake))


METRICS: dict[str, Metric] = {
    "auc": auc,
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "eer": eer,
    "tpr_at_fpr_1": tpr_at(0.01),
    "tpr_at_fpr_5": tpr_at(0.05),
    "brier": brier,
    "ece": ece,
}


def interval(
    metric: Metric, fake: Bool, p_fake: Float, identities: NDArray[Any], seed: int = 0
) -> tuple[float, float]:
    """95 % percentile bootstrap of `metric`, drawing whole identities with replacement.

    Of a set with both classes, draws that hold one only are skipped; nan, nan if none is left.
    """
    both = has_both(fake)

    def measure(drawn: NDArray[np.intp]) -> float:
        if both and not has_both(fake[drawn]):
            return math.nan
        return metric(fake[drawn], p_fake[drawn])

    # The draws repeat what was checked: without that, a third of the time is saved.
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        return bootstrap.interval(measure, identities, seed)


def has_both(fake: Bool) -> bool:
    return bool(0 < np.count_nonzero(fake) < len(fake))
