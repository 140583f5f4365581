"""A small network learns from a large one: half of each label is what the large one answers, all of
it where nothing else is known. After Hinton et al., "Distilling the knowledge in a neural network"
(2015)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models import keras_files, multihead, registry
from models.multihead import STRIDE
from training.fit.batches import Batches
from training.fit.losses import UNKNOWN

Float32 = NDArray[np.float32]
Labels = dict[str, Float32]
SAMPLES = 8  # batches that set the ranges of a teacher in int8


@dataclass(frozen=True, slots=True)
class Taught:
    """The batches of `batches` for a student of `input_px`: the same windows, scaled to that, with
    labels to which the teacher has added the logits of `kinds` and `places` that it answers."""

    batches: Batches
    teacher: Callable[[Float32], Labels]
    input_px: int

    def steps(self, first: int) -> Iterator[tuple[Float32, Labels]]:
        """As Batches.steps, but of pictures [2P, input_px, input_px, 3]. The teacher answers to
        the next batch while the student learns from this one."""
        coming = self.batches.steps(first)
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(self._lesson, *next(coming))
            for x, labels in coming:
                ready, ahead = ahead, pool.submit(self._lesson, x, labels)
                yield ready.result()

    def _lesson(self, x: Float32, labels: Labels) -> tuple[Float32, Labels]:
        answers = self.teacher(x)
        taught = {name: mixed(labels[name], expit(answers[name])) for name in labels}
        taught["places"] = _scaled(taught["places"], self.input_px // STRIDE)
        return _scaled(x, self.input_px), taught


def mixed(labels: Float32, answers: Float32) -> Float32:
    """The mean of both, or the answer alone where the label is unknown; the same shape."""
    return np.where(labels == UNKNOWN, answers, (labels + answers) / 2).astype(np.float32)


def registered(name: str, batches: Batches) -> Callable[[Float32], Labels]:
    """The heads of the registered network `name` in int8, which answer five times as fast as in
    float; the first of `batches` set their ranges."""
    network = multihead.trained(keras_files.load(registry.spec(name).file("keras")))
    return quantised(network, [x for x, _ in islice(batches.steps(0), SAMPLES)])


def in_half(name: str) -> Callable[[Any], dict[str, Any]]:
    """The heads of the registered network `name`, of tensors and in half precision: for a GPU."""
    network = keras_files.load(registry.spec(name).file("keras"))
    with computing("mixed_float16"):
        joined = multihead.joined({e: multihead.heads(network, e) for e in multihead.EXPERTS})
    return partial(joined, training=False)


@contextmanager
def computing(policy: str) -> Iterator[None]:
    """Networks that are built meanwhile compute by `policy` of Keras."""
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(usual)


def quantised(network: Any, samples: list[Float32]) -> Callable[[Float32], Labels]:
    """What a multi-head Keras model answers, [2P, K] and [2P, H, W, K'], by TFLite in int8."""
    from ai_edge_litert.interpreter import Interpreter

    from convert.tflite import export

    content = export(network, "int8", samples)
    interpreter = Interpreter(model_content=content, num_threads=1)
    (taken,), given = interpreter.get_input_details(), interpreter.get_output_details()
    of_rank = {len(tensor["shape"]): tensor["index"] for tensor in given}

    def answers(x: Float32) -> Labels:
        interpreter.resize_tensor_input(taken["index"], x.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken["index"], x)
        interpreter.invoke()
        ranks = {"kinds": 2, "places": 4}
        return {name: interpreter.get_tensor(of_rank[rank]) for name, rank in ranks.items()}

    return answers


def _scaled(pictures: Float32, side: int) -> Float32:
    size = (side, side)
    return np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures])
