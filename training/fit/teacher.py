"""A small network learns from a large one: half of each label is what the large one answers, all of
it where nothing else is known. After Hinton et al., "Distilling the knowledge in a neural network"
(2015)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.multihead import STRIDE
from training.fit.batches import Batches
from training.fit.losses import UNKNOWN

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Taught:
    """The batches of `batches` for a student of `input_px`: the same windows, scaled to that, with
    labels to which a multi-head Keras model, the teacher, has added what it sees in them."""

    batches: Batches
    teacher: Any
    input_px: int

    def steps(self, first: int) -> Iterator[tuple[Float32, dict[str, Float32]]]:
        """As Batches.steps, but of pictures [2P, input_px, input_px, 3]."""
        for x, labels in self.batches.steps(first):
            answers = self.teacher.predict_on_batch(x)
            taught = {name: mixed(labels[name], expit(answers[name])) for name in labels}
            side = self.input_px // STRIDE
            taught["places"] = _scaled(taught["places"], side)
            yield _scaled(x, self.input_px), taught


def mixed(labels: Float32, answers: Float32) -> Float32:
    """The mean of both, or the answer alone where the label is unknown; the same shape."""
    return np.where(labels == UNKNOWN, answers, (labels + answers) / 2).astype(np.float32)


def _scaled(pictures: Float32, side: int) -> Float32:
    size = (side, side)
    return np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures])
