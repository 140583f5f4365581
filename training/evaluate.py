"""Measure a model on crops that it has never seen: `evaluate(model, crops)`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import registry
from models.preprocess import resize, to_input
from server.analysis.runtimes.tflite import TfliteRuntime, input_shape
from server.analysis.scoring import UNCALIBRATED, to_p_fake
from training import crops as data
from training import metrics

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Model:
    """What maps crops to P(fake). `logits` maps float32 [N, S, S, 3] to [N, 1] for its class; of
    each crop so many `views` are averaged, the second mirrored."""

    name: str
    input_px: int
    logits: Callable[[Float32], Float32]
    calibration: registry.Calibration | None = None
    positive_class: str = "fake"
    likelihood: registry.Likelihood | None = None
    views: int = 1

    def of(self, batch: Float32) -> Float32:
        """The logits float32 [N] of crops as to_input() makes them."""
        views = (batch, batch[:, :, ::-1])[: self.views]
        found = [np.asarray(self.logits(np.ascontiguousarray(view)))[:, 0] for view in views]
        return np.asarray(np.mean(found, axis=0), np.float32)


@dataclass(frozen=True, slots=True)
class Result:
    """Numbers on one set, and between which values 95 % of resampled people put them."""

    model: str
    crops: int
    identities: int
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]


def load(model: str) -> Model:
    """A registered name, NAME:VARIANT, or the path of a .tflite or .keras file."""
    path = Path(model)
    if path.suffix == ".tflite":
        return _tflite(path.stem, path)
    if path.suffix == ".keras":
        from convert import classifier

        network = classifier.load(path)
        return Model(path.stem, network.input_shape[1], network.predict_on_batch)
    name, _, variant = model.partition(":")
    spec = registry.spec(name)
    file = spec.file(variant or None)
    loaded = load(str(file)) if file.suffix == ".keras" else _tflite(model, file, spec.input_px)
    return Model(
        model,
        spec.input_px,
        loaded.logits,
        spec.calibration,
        spec.positive_class or "fake",
        spec.likelihood,
        spec.likelihood.views if spec.likelihood else 1,
    )


def _tflite(name: str, path: Path, input_px: int = 0) -> Model:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there")
    return Model(name, input_px or input_shape(path)[1], TfliteRuntime(path).run)


def logits(model: Model, crops: data.Crops) -> Float32:
    """One logit per crop, float32 [N], as the network gives it."""
    return np.concatenate([model.of(x) for x in data.batches(crops, model.input_px, 32)])


def p_fake_of(model: Model, pictures: Sequence[data.Uint8]) -> Float32:
    """P(fake), float32 [N], of decoded crops uint8 [S, S, 3] of any size."""
    parts = []
    for n in range(0, len(pictures), 32):
        x = to_input(np.stack([resize(p, model.input_px) for p in pictures[n : n + 32]]))
        parts.append(model.of(x))
    calibration = model.calibration or UNCALIBRATED
    return to_p_fake(np.concatenate(parts), model.positive_class, calibration)


def p_fake(model: Model, crops: data.Crops) -> Float32:
    """P(fake), float32 [N], by the same function as in service."""
    calibration = model.calibration or UNCALIBRATED
    return to_p_fake(logits(model, crops), model.positive_class, calibration)


def evaluate(model: Model, crops: data.Crops) -> Result:
    """Every metric that the set allows: what needs both classes is left out where one is missing.

    `called_fake` and `called_real` are the shares beyond the model's two thresholds.
    """
    return summarize(model, crops, p_fake(model, crops))


def summarize(model: Model, crops: data.Crops, probability: Float32) -> Result:
    """The same, from the P(fake) float32 [N] that `model` gave already."""
    chosen: dict[str, metrics.Metric] = {}
    if 0 < np.count_nonzero(crops.fake) < len(crops):
        chosen |= metrics.METRICS
    if model.calibration is not None:
        chosen |= _shares(model.calibration, crops.fake)
    values = {name: metric(crops.fake, probability) for name, metric in chosen.items()}
    intervals = {
        name: metrics.interval(metric, crops.fake, probability, crops.identities)
        for name, metric in chosen.items()
    }
    return Result(model.name, len(crops), len(set(crops.identities)), values, intervals)


def _shares(calibration: registry.Calibration, fake: NDArray[np.bool_]) -> dict[str, Any]:
    """Of reals and of fakes, how many are called fake and how many real."""

    def share(of_fakes: bool, called: Callable[[Float32], NDArray[np.bool_]]) -> metrics.Metric:
        def measure(labels: NDArray[np.bool_], probability: Any) -> float:
            chosen = probability[labels == of_fakes]
            return float(np.mean(called(chosen))) if len(chosen) else math.nan

        return measure

    shares: dict[str, metrics.Metric] = {}
    for of_fakes, group in ((False, "reals"), (True, "fakes")):
        if np.any(fake == of_fakes):
            shares[f"{group}_called_fake"] = share(of_fakes, lambda p: p >= calibration.fake_at)
            shares[f"{group}_called_real"] = share(of_fakes, lambda p: p <= calibration.real_at)
    return shares


def table(result: Result) -> str:
    """The result for a person to read."""
    lines = [f"{result.model}: {result.crops} crops of {result.identities} people"]
    for name, value in result.values.items():
        low, high = result.intervals[name]
        lines.append(f"  {name:<18} {value:6.3f}   95 % {low:.3f} to {high:.3f}")
    return "\n".join(lines)
