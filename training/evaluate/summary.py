"""Every number of a model on single crops that it has never seen: `evaluate(model, crops)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import registry
from training import metrics
from training.data.crops import Crops
from training.evaluate.model import Model
from training.evaluate.scored import Scored, scored

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Result:
    """Numbers on one set, and between which values 95 % of resampled people put them."""

    model: str
    crops: int
    identities: int
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]


def evaluate(model: Model, crops: Crops) -> Result:
    """What `summarize` tells of the crops once `model` has seen them."""
    return summarize(scored(model, crops))


def summarize(given: Scored) -> Result:
    """Every metric that the set allows: what needs both classes is left out where one is missing.

    `called_fake` and `called_real` are the shares beyond the model's two thresholds.
    """
    fake, people = given.crops.fake, given.crops.identities
    chosen: dict[str, metrics.Metric] = dict(metrics.METRICS) if given.has_both else {}
    if given.model.calibration is not None:
        chosen |= _shares(given.model.calibration, fake)
    values = {name: metric(fake, given.p_fake) for name, metric in chosen.items()}
    intervals = {
        name: metrics.interval(metric, fake, given.p_fake, people)
        for name, metric in chosen.items()
    }
    return Result(given.model.name, len(fake), len(set(people)), values, intervals)


def _shares(calibration: registry.Calibration, fake: metrics.Bool) -> dict[str, metrics.Metric]:
    """Of reals and of fakes, how many are called fake and how many real."""

    def share(of_fakes: bool, called: Callable[[metrics.Float], metrics.Bool]) -> metrics.Metric:
        def measure(labels: metrics.Bool, probability: metrics.Float) -> float:
            chosen = probability[labels == of_fakes]
            return float(np.mean(called(chosen))) if len(chosen) else math.nan

        return measure

    shares: dict[str, metrics.Metric] = {}
    for of_fakes, group in ((False, "reals"), (True, "fakes")):
        if np.any(fake == of_fakes):
            shares[f"{group}_called_fake"] = share(of_fakes, lambda p: p >= calibration.fake_at)
            shares[f"{group}_called_real"] = share(of_fakes, lambda p: p <= calibration.real_at)
    return shares
