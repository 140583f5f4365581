"""A trained classifier (models.meso) as TFLite files, one for each precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from convert import tflite
from models.preprocess import resize, to_input
from server.analysis.runtimes.tflite import TfliteRuntime

Float32 = NDArray[np.float32]
PRECISIONS: tuple[tflite.Precision, ...] = get_args(tflite.Precision)
ROUNDED = ("dynamic", "int8")


def convert(network: Path, folder: Path, samples: Float32) -> dict[str, Path]:
    """Write NAME-PRECISION.tflite for each precision; returns the paths by precision.

    `samples` float32 [N, S, S, 3] in -1..1, as many reals as fakes of the train part, set the
    ranges of int8. Batch norm is folded and the batch size stays free in all of them.
    """
    model = load(network)
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    for precision in PRECISIONS:
        path = folder / f"{model.name}-{precision}.tflite"
        singles = [samples[i : i + 1] for i in range(len(samples))] if precision == "int8" else []
        path.write_bytes(tflite.export(model, precision, singles))
        if precision in ROUNDED:
            _correct(model, path, samples)
            path.write_bytes(tflite.export(model, precision, singles))
            model = load(network)
        written[precision] = path
    return written


def _correct(model: Any, path: Path, samples: Float32) -> None:
    """Take the mean error that rounding to 8 bits left in the logit out of the last layer's bias.

    After the bias correction of Nagel et al. (ICCV 2019), for the one output that matters.
    """
    runtime = TfliteRuntime(path)
    batches = np.array_split(samples, max(1, len(samples) // 32))
    errors = [model.predict_on_batch(x) - runtime.run(x) for x in batches]
    layer = model.get_layer("logit")
    weights, bias = layer.get_weights()
    layer.set_weights([weights, bias + np.concatenate(errors).mean()])


def load(network: Path) -> Any:
    """The Keras model of a .keras file; nothing in it is run."""
    import keras

    return keras.models.load_model(network, compile=False, safe_mode=True)


def read_crops(folder: Path, side_px: int, limit: int = 256) -> Float32:
    """The first images of a folder, by name, as the network takes them.

    Raises ValueError if there is none, or one cannot be read.
    """
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    crops = []
    for path in paths[:limit]:
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            raise ValueError(f"{path} is not an image")
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        crops.append(resize(rgb, side_px))
    if not crops:
        raise ValueError(f"{folder} holds no .jpg or .png images")
    return to_input(np.stack(crops))


def parity(network: Path, files: Sequence[Path], crops: Float32) -> list[float]:
    """For each file, the largest difference of P(fake) from the Keras model's on `crops`."""
    expected = _p_fake(load(network).predict(crops, verbose=0))
    return [
        float(np.abs(_p_fake(TfliteRuntime(path).run(crops)) - expected).max()) for path in files
    ]


def _p_fake(logits: Float32) -> Float32:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
