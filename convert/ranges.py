"""Which values a classifier takes its pictures in: -1..1, 0..1 or 0..255."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np

from convert.flat import kind

InputRange = Literal["-1..1", "0..1", "0..255"]
RANGES: tuple[InputRange, ...] = get_args(InputRange)
SPANS: dict[InputRange, tuple[float, float]] = {
    "-1..1": (-1, 1),
    "0..1": (0, 1),
    "0..255": (0, 255),
}
# They scale and shift the values of a picture, or leave them. So do those called Random, which do
# nothing outside of training.
SCALING = {
    "Add", "BatchNormalization", "Cast", "CenterCrop", "Divide", "GetItem", "Identity", "Multiply",
    "Normalization", "Rescaling", "Resizing", "Subtract", "TrueDivide", "ZeroPadding2D",
}  # fmt: skip


def scale_and_offset(input_range: InputRange) -> tuple[float, float]:
    """x in -1..1 becomes scale * x + offset."""
    low, high = SPANS[input_range]
    return (high - low) / 2, (high + low) / 2


def noticed(model: Any) -> InputRange | None:
    """The range that the first layers of a flat model bring to about -1..1; None if none scales.

    A Rescaling or Normalization that a model brings along tells what the model is given: divided by
    255, only 0..255 becomes values that networks are trained on.
    """
    import keras

    picture = model.inputs[0]
    scaled = _scaled(model)
    if scaled is picture:
        return None
    first = keras.Model(picture, scaled)
    black, white = (
        np.asarray(first(np.full((1, *picture.shape[1:]), value, np.float32), training=False))
        for value in (0, 1)
    )
    # Medians: the border may be padding.
    scale, offset = float(np.median(white - black)), float(np.median(black))
    if (scale, offset) == (1, 0):
        return None
    return min(RANGES, key=lambda found: _strangeness(found, scale, offset))


def _strangeness(input_range: InputRange, scale: float, offset: float) -> float:
    """How far scale * x + offset is from -1..1, in its width and in its middle."""
    low, high = (scale * end + offset for end in SPANS[input_range])
    width = max(abs(high - low), 1e-9)
    return abs(math.log(width / 2)) + abs(high + low) / 2 / width


def _scaled(model: Any) -> Any:
    """The last tensor up to which the picture is only scaled, shifted, cut or resized."""
    readers: dict[int, list[Any]] = {}
    for operation in model.operations:
        for node in operation._inbound_nodes:
            for tensor in node.input_tensors:
                readers.setdefault(id(tensor), []).append(node)
    tensor = model.inputs[0]
    while len(nodes := readers.get(id(tensor), [])) == 1:
        found = kind(nodes[0].operation)
        if found not in SCALING and not found.startswith("Random"):
            break
        if len(nodes[0].input_tensors) != 1:
            break
        tensor = nodes[0].outputs[0]
    return tensor
