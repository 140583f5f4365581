"""How well P(fake) separates and how honest it is, with intervals over people, not pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating[Any]]
Bool = NDArray[np.bool_]
Metric = Callable[[Bool, Float], float]

BOOTSTRAPS = 1000
ECE_BINS = 15


def roc(fake: Bool, p_fake: Float) -> tuple[Float, Float]:
    """The shares of reals and of fakes at or above each threshold, from none to all of them."""
    order = np.argsort(-p_fake, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p_fake[order])), len(order) - 1)  # of equal scores
    found = np.cumsum(fake[order])[last]
    alarms = last + 1 - found
    return np.append(0, alarms) / max(1, alarms[-1]), np.append(0, found) / max(1, found[-1])


def auc(fake: Bool, p_fake: Float) -> float:
    false_positives, true_positives = roc(fake, p_fake)
    middles = (true_positives[1:] + true_positives[:-1]) / 2
    return float(middles @ np.diff(false_positives))


def accuracy(fake: Bool, p_fake: Float) -> float:
    return float(np.mean((p_fake >= 0.5) == fake))


def precision(fake: Bool, p_fake: Float) -> float:
    """Of those called fake, the share that is; 0 where none is called so."""
    return float(np.sum(fake & (p_fake >= 0.5)) / max(1, np.sum(p_fake >= 0.5)))


def recall(fake: Bool, p_fake: Float) -> float:
    """Of the fakes, the share that is called so."""
    return float(np.sum(fake & (p_fake >= 0.5)) / max(1, np.sum(fake)))


def f1(fake: Bool, p_fake: Float) -> float:
    called = p_fake >= 0.5
    return float(2 * np.sum(fake & called) / max(1, np.sum(fake) + np.sum(called)))


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
    return float(np.mean((p_fake - fake) ** 2))


def ece(fake: Bool, p_fake: Float) -> float:
    """Expected calibration error over equal-width bins of P(fake)."""
    bins = np.minimum((p_fake * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [
        abs(float(np.sum(fake[bins == b])) - float(np.sum(p_fake[bins == b])))
        for b in range(ECE_BINS)
    ]
    return sum(gaps) / len(p_fake)


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
    both = 0 < np.count_nonzero(fake) < len(fake)
    people = [np.flatnonzero(identities == person) for person in np.unique(identities)]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(BOOTSTRAPS):
        drawn = np.concatenate([people[i] for i in rng.integers(len(people), size=len(people))])
        if not both or 0 < np.count_nonzero(fake[drawn]) < len(drawn):
            values.append(metric(fake[drawn], p_fake[drawn]))
    if not values:
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
