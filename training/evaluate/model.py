"""What maps crops to P(fake): a registered model, or a file, as the evaluators ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convert.network import load as load_network
from models import registry
from models.preprocess import resize, to_input
from server.analysis.records import Float32
from server.analysis.runtimes.tflite import TfliteRuntime, input_shape
from server.analysis.scoring import UNCALIBRATED, to_p_fake
from training.data import crops as data


@dataclass(frozen=True, slots=True)
class Model:
    """What maps crops to P(fake). `logits` maps float32 [N, S, S, 3] to [N, 1] for its class; of
    each crop `views` views are averaged, the second mirrored."""

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


def load(model: str) -> Model:
    """A registered name, NAME:VARIANT, or the path of a .tflite or .keras file."""
    path = Path(model)
    if path.suffix == ".tflite":
        return _tflite(path.stem, path)
    if path.suffix == ".keras":
        network = load_network(path)
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
