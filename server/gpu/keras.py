"""The full float networks on Keras 3: TensorFlow, or JAX, if KERAS_BACKEND names it.

Everything here keeps the number of shapes small, since a framework compiles each anew: batches have
one of a few sizes, pictures lie on one of a few canvases.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import keras_files, registry
from server.analysis.records import Float32
from server.analysis.runtimes.base import RuntimeFailed
from server.analysis.runtimes.tflite import constants
from server.errors import ModelError
from server.gpu.canvases import SIDES_PX, canvas, own_cells, placed

BATCHES = (1, 4, 16, 64, 256)
# What the frameworks say, each in its own words and class, when memory does not suffice.
NO_MEMORY = ("out of memory", "oom when", "resource_exhausted", "resource exhausted", "bad_alloc",
             "can't allocate memory", "failed to allocate")  # fmt: skip

log = logging.getLogger(__name__)


class KerasNetworks:
    """All networks in this process, each opened when it is first wanted. Belongs to one thread."""

    def __init__(self, gpu_memory: float = 1.0) -> None:
        """`gpu_memory`: the share of the GPU's memory that may be used.

        Loads Keras and its backend; raises ModelError if one is missing.
        """
        from server.gpu import device

        try:
            self.device = device.prepare(gpu_memory)
        except ImportError as error:
            cure = "`make .venv-dev/.ready` sets up an environment that has it"
            raise ModelError(f"Keras cannot start: {error}; {cure}") from error
        self._open: dict[str, KerasRuntime | Proposals] = {}

    def open(self, network: str) -> KerasRuntime | Proposals:
        """See base.Networks. Raises ModelError for a network that is not there, or damaged."""
        if network not in self._open:
            self._open[network] = self._load(network)
        return self._open[network]

    def _load(self, network: str) -> KerasRuntime | Proposals:
        try:
            if network in ("proposals", "rnet", "onet"):
                from models import mtcnn

                name = "pnet" if network == "proposals" else network
                model = mtcnn.filled(name, constants(registry.spec("mtcnn").file(name)))
                return Proposals(model) if network == "proposals" else KerasRuntime(model)
            return KerasRuntime(keras_files.load(registry.spec(network).file("keras")))
        except (registry.RegistryError, keras_files.KerasFileError) as error:
            raise ModelError(str(error)) from error


class KerasRuntime:
    """A Keras model with one input of a fixed size."""

    name = "keras"

    def __init__(self, model: Any) -> None:
        self._shape = tuple(model.input_shape[1:])
        self._batches = _Batches(model)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a batch of this shape can be run."""
        return shape[1:] == self._shape

    def run(self, batch: Float32) -> Float32:
        """See base.Runtime. Raises RuntimeFailed."""
        return self.run_all([batch])[0]

    def run_all(self, batches: Sequence[Float32]) -> list[Float32]:
        """Several askers' batches as one."""
        answer = self._batches.run(np.concatenate(batches))
        return np.split(answer, np.cumsum([len(batch) for batch in batches])[:-1])


class Proposals:
    """The P-Net over the whole pyramid of pictures of any size up to the largest canvas."""

    name = "keras"

    def __init__(self, pnet: Any) -> None:
        self._pnet = pnet
        self._canvases: dict[tuple[int, int], _Batches] = {}

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether pictures of this shape can be run."""
        longest, shortest = max(shape[1:3]), min(shape[1:3])
        return shape[0] <= BATCHES[-1] and shape[3] == 3 and 0 < shortest <= longest <= SIDES_PX[-1]

    def run(self, batch: Float32) -> Float32:
        """See cascade.at_once; the pictures hold whole numbers. Raises RuntimeFailed."""
        return self.run_all([batch])[0]

    def run_all(self, batches: Sequence[Float32]) -> list[Float32]:
        """Several askers' pictures, those of about the same size at once."""
        answers: dict[int, Float32] = {}
        sizes = [canvas(*batch.shape[1:3]) for batch in batches]
        for size in dict.fromkeys(sizes):
            mine = [number for number, each in enumerate(sizes) if each == size]
            found = self._on(size).run(*placed([batches[number] for number in mine], size))
            for number in mine:
                height, width = batches[number].shape[1:3]
                count = len(batches[number])
                answers[number] = own_cells(found[:count], (height, width), size)
                found = found[count:]
        return [answers[number] for number in range(len(batches))]

    def _on(self, size: tuple[int, int]) -> _Batches:
        if size not in self._canvases:
            from models import mtcnn

            self._canvases[size] = _Batches(mtcnn.proposals(self._pnet, *size))
        return self._canvases[size]


class _Batches:
    """Runs a model on any number of inputs, in as few batches as fit into memory."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._most = BATCHES[-1]
        self._predict = _predictor(model)

    def run(self, *inputs: NDArray[Any]) -> Float32:
        """The answers float32 [N, ...] to inputs [N, ...]. Raises RuntimeFailed."""
        count, parts, done = len(inputs[0]), [], 0
        while done < count:
            size = min(self._most, next((b for b in BATCHES if b >= count - done), BATCHES[-1]))
            part = [_filled(each[done : done + size], size) for each in inputs]
            try:
                answer = self._predict(part)
            except Exception as error:  # noqa: BLE001 - each framework has its own classes
                self._shrink(size, error)
                continue
            parts.append(answer[: count - done])
            done += size
        empty = np.empty((0, *self._model.output_shape[1:]), np.float32)
        return np.concatenate(parts) if parts else empty

    def _shrink(self, size: int, error: Exception) -> None:
        """Go on with smaller batches, if it was for want of memory; else raise RuntimeFailed."""
        words = f"{type(error).__name__}: {error}".lower()
        scarce = isinstance(error, MemoryError) or any(sign in words for sign in NO_MEMORY)
        smaller = [batch for batch in BATCHES if batch < size]
        if not scarce or not smaller:
            raise RuntimeFailed(f"{self._model.name}: {words[:300]}") from error
        self._most = smaller[-1]
        log.warning("%s: no memory for %d at once; %d now", self._model.name, size, self._most)


def _predictor(model: Any) -> Callable[[list[NDArray[Any]]], Float32]:
    """One function of a list of arrays, compiled once for each shape."""
    import keras

    # XLA compiles for seconds what runs for milliseconds; JAX has no other mode.
    model.compile(jit_compile=keras.backend.backend() == "jax")

    def predict(inputs: list[NDArray[Any]]) -> Float32:
        given = inputs if len(inputs) > 1 else inputs[0]
        return np.asarray(model.predict_on_batch(given), np.float32)

    return predict


def _filled(part: NDArray[Any], size: int) -> NDArray[Any]:
    """`part` with zeros behind it, so that it has the length `size`."""
    missing = [(0, size - len(part)), *[(0, 0)] * (part.ndim - 1)]
    return np.pad(part, missing) if size > len(part) else part
