"""TFLite files on the CPU, by ai-edge-litert or, on old and small devices, tflite-runtime."""

from __future__ import annotations

import math
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.errors import ModelError

# One interpreter per input shape is kept, as resizing one costs more than a small picture's work.
# 32 shapes hold three image pyramids; 6 million input values hold the pyramid of one 1080p frame,
# which takes about 200 MB in the P-Net.
MAX_SHAPES, MAX_VALUES = 32, 6_000_000


@dataclass(frozen=True, slots=True)
class _Shaped:
    """An interpreter for one input shape; hold `lock` while using it."""

    interpreter: Any
    lock: Lock = field(default_factory=Lock)


class TfliteRuntime:
    """One TFLite file with one input and one output.

    Threads may share it: batches of different shapes are computed at the same time, so that
    several cores need no more memory than one.
    """

    name = "tflite"

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Raises ModelError if no TFLite runtime is installed or the file is not a TFLite file."""
        self._path = path
        self._threads = threads
        self._interpreter_class = _interpreter_class()
        self._interpreters: OrderedDict[tuple[int, ...], _Shaped] = OrderedDict()
        self._lock = Lock()  # held while the above changes
        self._open()

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map float32 [N, H, W, C] to float32 [N, ...], also where the file computes in int8."""
        with self._lock:
            shaped = self._at(batch.shape)
        interpreter = shaped.interpreter
        with shaped.lock:
            given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
            interpreter.set_tensor(given["index"], _quantise(batch, given))
            interpreter.invoke()
            # A copy: a view into the interpreter's memory would change under the caller.
            return _dequantise(interpreter.get_tensor(answer["index"]), answer)

    def details(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The file's input and output, as it describes them. Raises ModelError."""
        interpreter = self._open()
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelError(f"{self._path.name} has {len(inputs)} inputs, {len(outputs)} outputs")
        return inputs[0], outputs[0]

    def _at(self, shape: tuple[int, ...]) -> _Shaped:
        """The interpreter for this input shape; those unused for longest make room for it."""
        shaped = self._interpreters.pop(shape, None)
        if shaped is None:
            self._make_room(math.prod(shape))
            interpreter = self._open()
            index = interpreter.get_input_details()[0]["index"]
            interpreter.resize_tensor_input(index, shape)
            try:
                interpreter.allocate_tensors()
            except RuntimeError as error:  # the files are ours and whole, so it is this
                raise MemoryError(f"no room for an input of {shape}") from error
            shaped = _Shaped(interpreter)
        self._interpreters[shape] = shaped
        return shaped

    def _make_room(self, values: int) -> None:
        held = sum(math.prod(shape) for shape in self._interpreters)
        while self._interpreters and (
            len(self._interpreters) >= MAX_SHAPES or held + values > MAX_VALUES
        ):
            shape, _ = self._interpreters.popitem(last=False)
            held -= math.prod(shape)

    def _open(self) -> Any:
        try:
            return self._interpreter_class(model_path=str(self._path), num_threads=self._threads)
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{self._path.name} cannot be loaded: {error}") from error


def input_shape(path: Path) -> tuple[int, ...]:
    """The shape of a file's one input, batch first. Raises ModelError."""
    shape = TfliteRuntime(path).details()[0]["shape"]
    return tuple(int(length) for length in shape)


def constants(path: Path) -> dict[str, NDArray[Any]]:
    """What a file holds besides its operators, by name: its weights. Raises ModelError."""
    interpreter, found = TfliteRuntime(path)._open(), {}
    for tensor in interpreter.get_tensor_details():
        with suppress(ValueError):  # it is computed
            found[tensor["name"]] = np.array(interpreter.get_tensor(tensor["index"]))
    return found


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError as error:
            raise ModelError("no TFLite runtime is here; install ai-edge-litert") from error
    return Interpreter


def _quantise(batch: NDArray[np.float32], tensor: dict[str, Any]) -> NDArray[Any]:
    """Into the integers of a quantised input: value = scale * (integer - zero point)."""
    dtype, (scale, zero_point) = tensor["dtype"], tensor["quantization"]
    if dtype == np.float32:
        return np.ascontiguousarray(batch, np.float32)
    limits = np.iinfo(dtype)
    integers = np.clip(np.rint(batch / scale) + zero_point, limits.min, limits.max)
    return np.asarray(integers, dtype)


def _dequantise(values: NDArray[Any], tensor: dict[str, Any]) -> NDArray[np.float32]:
    if tensor["dtype"] == np.float32:
        return np.asarray(values, np.float32)
    scale, zero_point = tensor["quantization"]
    return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
