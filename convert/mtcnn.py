"""The weights of the installed `mtcnn` package (MIT licence), turned into three TFLite files.

The package's network and ours compute the same function; what a network can take over from the code
around it is folded into its weights, exactly, and checked against the package's own network.
"""

from __future__ import annotations

import hashlib
import io
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert import tflite
from convert.errors import ConversionError
from models import mtcnn, registry
from server.analysis.runtimes.tflite import TfliteRuntime

Array = NDArray[np.float32]

TOLERANCE = 1e-4
PICTURES = {  # what parity is checked on
    "pnet": [(1, 12, 12, 3), (1, 67, 90, 3), (1, 120, 213, 3)],
    "rnet": [(1, 24, 24, 3), (16, 24, 24, 3)],
    "onet": [(1, 48, 48, 3), (4, 48, 48, 3)],
}
LICENCE = "MIT (mtcnn 1.0.0, Copyright (c) 2019-2024 Iván de Paz Centeno)"
SOURCE = "https://github.com/ipazc/mtcnn 1.0.0; Zhang et al. 2016, arXiv 1604.02878"
# The files of mtcnn 1.0.0. They are pickles, so nothing else may ever be unpickled.
SHA256 = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}


def convert(folder: Path) -> dict[str, float]:
    """Write mtcnn-{pnet,rnet,onet}.tflite and mtcnn.json into `folder`.

    Returns each network's largest difference from the package's. Raises ConversionError, before
    anything is written, if one exceeds TOLERANCE.
    """
    contents, differences = {}, {}
    for name in SHA256:
        original = read(name)
        contents[name] = tflite.export(build(name, original), "float32")
        differences[name] = worst = difference(name, original, contents[name])
        if not worst <= TOLERANCE:
            raise ConversionError(f"{name} is {worst:.1e} off the package's; allowed: {TOLERANCE}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / f"mtcnn-{name}.tflite").write_bytes(content)
    registry.save(_entry(folder), folder)
    return differences


def read(name: str, folder: Path | None = None) -> list[Array]:
    """The package's weights of one network, in the order in which its Keras model lists them.

    They are read by path: the package's own loader prefers a file of that name in the working
    directory. What is hashed is what is unpickled.
    """
    import joblib

    path = (folder or _package() / "assets" / "weights") / f"{name}.lz4"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise ConversionError(f"{path} is not that of mtcnn 1.0.0; install mtcnn==1.0.0")
    return list(joblib.load(io.BytesIO(content)))


def _package() -> Path:
    """Where the package lies, without importing it, which would load TensorFlow."""
    found = find_spec("mtcnn")
    if found is None or not found.submodule_search_locations:
        raise ConversionError("the mtcnn package is missing; install mtcnn==1.0.0")
    return Path(found.submodule_search_locations[0])


def build(name: str, original: list[Array]) -> Any:
    """Our Keras model of one network, holding the package's weights."""
    model = getattr(mtcnn, name)()
    model.set_weights(fold(name, original))
    return model


def fold(name: str, original: list[Array]) -> list[Array]:
    """The package's weights, rearranged for the model of the same name in models.mtcnn."""
    first = _fold_normalisation(original[0], original[1])
    landmarks: list[Array] = []
    if name == "pnet":
        body, offsets, classes = original[2:9], original[9:11], original[11:13]
    elif name == "rnet":
        body = [*original[2:9], _fold_transpose(original[9], side=3), *original[10:12]]
        offsets, classes = original[12:14], original[14:16]
    else:
        body = [*original[2:12], _fold_transpose(original[12], side=3), *original[13:15]]
        offsets, landmarks, classes = original[15:17], original[17:19], original[19:21]
    return [*first, *body, *_fold_heads(offsets, classes, landmarks)]


def _fold_normalisation(kernel: Array, bias: Array) -> tuple[Array, Array]:
    """Let the first convolution take x instead of (x - 127.5) / 128; it pads nothing."""
    exact = kernel.astype(np.float64) / 128
    shifted = bias - 127.5 * exact.sum(axis=(0, 1, 2))
    return exact.astype(np.float32), shifted.astype(np.float32)


def _fold_transpose(kernel: Array, side: int) -> Array:
    """Let the dense layer take a map flattened by rows; the package flattens by columns."""
    by_column = kernel.reshape(side, side, -1, kernel.shape[1])
    return by_column.transpose(1, 0, 2, 3).reshape(kernel.shape)


def _fold_heads(
    offsets: list[Array], classes: list[Array], landmarks: list[Array]
) -> tuple[Array, Array]:
    """One layer for all outputs. A softmax over two classes is the sigmoid of their difference."""
    logit = [array[..., 1:2] - array[..., 0:1] for array in classes]
    heads = [offsets, logit, landmarks] if landmarks else [offsets, logit]
    kernel, bias = (np.concatenate([head[i] for head in heads], axis=-1) for i in (0, 1))
    return kernel, bias


def difference(name: str, original: list[Array], content: bytes) -> float:
    """The largest difference of a TFLite file from the package's own network on random pictures.

    Offsets and landmarks are compared as they are, in window sides; faces as probabilities.
    """
    package = import_module(f"mtcnn.network.{name}")
    published = getattr(package, name[0].upper() + "Net")()
    published.build()
    published.set_weights(original)
    random = np.random.default_rng(20160411)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.tflite"
        path.write_bytes(content)
        converted = TfliteRuntime(path)
        worst = 0.0
        for shape in PICTURES[name]:
            picture = random.integers(0, 256, shape).astype(np.float32)
            theirs = [np.asarray(output) for output in published((picture - 127.5) / 128)]
            expected = np.concatenate([theirs[0], theirs[-1][..., 1:], *theirs[1:-1]], axis=-1)
            found = converted.run(picture)
            found[..., mtcnn.LOGIT] = (1 + np.tanh(found[..., mtcnn.LOGIT] / 2)) / 2  # sigmoid
            worst = max(worst, float(np.abs(found - expected).max()))
    return worst


def _entry(folder: Path) -> dict[str, Any]:
    """The registry's entry: one model whose files are the three networks of the cascade."""
    return {
        "name": "mtcnn",
        "task": "detect",
        "files": {
            name: registry.file_entry(folder / f"mtcnn-{name}.tflite", "float32") for name in SHA256
        },
        "serve": "pnet",
        "input_px": 0,
        "positive_class": None,
        "calibration": None,
        "licence": LICENCE,
        "source": SOURCE,
    }
