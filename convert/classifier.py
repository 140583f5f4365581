"""A trained classifier (models.meso, or another one in its form) as TFLite files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np

from convert import tflite
from convert.flat import giver
from convert.network import load
from server.analysis.records import Float32
from server.analysis.runtimes.tflite import TfliteRuntime

PRECISIONS: tuple[tflite.Precision, ...] = get_args(tflite.Precision)
ROUNDED = ("dynamic", "int8")
BATCH = 32


def convert(network: Path, folder: Path, samples: Float32) -> dict[str, Path]:
    """Write NAME-PRECISION.tflite for each precision; returns the paths by precision.

    `samples` float32 [N, S, S, 3] in -1..1, as many reals as fakes of the train part, set the
    ranges of int8. Batch norm is folded and the batch size stays free in all of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    for precision in PRECISIONS:
        model = load(network)
        written[precision] = folder / f"{model.name}-{precision}.tflite"
        write(model, written[precision], precision, samples)
    return written


def write(model: Any, path: Path, precision: tflite.Precision, samples: Float32) -> None:
    """Write one file; what rounding to 8 bits does to the mean logit is taken out of the file.

    Raises ConversionError if TFLite has no operators for the model.
    """
    singles = [samples[i : i + 1] for i in range(len(samples))] if precision == "int8" else []

    def export() -> None:
        path.write_bytes(tflite.export(model, precision, singles))

    export()
    layer = _last_layer(model)
    if precision in ROUNDED and len(samples) and layer is not None:
        weights, bias = layer.get_weights()
        layer.set_weights([weights, bias + _mean_error(model, path, samples)])
        export()
        layer.set_weights([weights, bias])


def _mean_error(model: Any, path: Path, samples: Float32) -> float:
    """What rounding takes off the logit; added to the last bias, it is no more.

    After the bias correction of Nagel et al. (ICCV 2019), for the one output that matters.
    """
    runtime = TfliteRuntime(path)
    batches = np.array_split(samples, max(1, len(samples) // BATCH))
    errors = [model.predict_on_batch(x) - runtime.run(x) for x in batches]
    return float(np.concatenate(errors).mean())


def _last_layer(model: Any) -> Any | None:
    """The layer whose kernel and bias give the logit; None where it is another one."""
    layer, _ = giver(model.outputs[0])
    if hasattr(layer, "outputs"):
        return _last_layer(layer)
    linear = getattr(getattr(layer, "activation", None), "__name__", "") == "linear"
    return layer if linear and len(layer.get_weights()) == 2 else None
