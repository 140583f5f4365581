"""What a classifier's answer is: a logit, a sigmoid, or a softmax over two classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from convert.errors import ConversionError
from convert.flat import giver, kind, set_weights

WANTED = "wanted: a logit, a sigmoid, or a softmax over two classes"
LINEAR = ("linear", "log_softmax")  # which changes no difference of two logits
SQUASHING = {1: "sigmoid", 2: "softmax"}  # by the number of answers
FUNCTIONS = {"Sigmoid": "sigmoid", "Softmax": "softmax", "LogSoftmax": "log_softmax"}
# They compute weighted sums, and after them their activation.
WEIGHING = {
    "Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D",
    "SeparableConv2D",
}  # fmt: skip
# They give the numbers that they take, in the same order.
KEEPING = {
    "ActivityRegularization", "Cast", "Dropout", "ExpandDims", "Flatten", "GaussianDropout",
    "GaussianNoise", "Identity", "Reshape", "SpatialDropout1D", "SpatialDropout2D", "Squeeze",
}  # fmt: skip
# They give logits where they take logits.
MIXING = {
    "Activation", "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate",
    "Divide", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling2D",
    "LogSoftmax", "Mean", "Multiply", "Rescaling", "Subtract", "TrueDivide",
}  # fmt: skip


def logit(answer: Any) -> tuple[Any, bool]:
    """The logit [N, 1] of the second class, from a flat graph's `answer` (convert.flat).

    Also, whether `answer` is a probability already. Raises ConversionError if it is neither.
    """
    import keras

    units = math.prod(size or 0 for size in answer.shape[1:])
    if units not in SQUASHING:
        raise ConversionError(f"the model answers {tuple(answer.shape[1:])}; {WANTED}")
    end = answer
    while _is_kept(end):
        end = giver(end)[1][0]
    squashed = _activation(end) == SQUASHING[units]
    if not squashed and not _is_logit(end):
        activation = _activation(end)
        what = kind(giver(end)[0]) if activation in LINEAR else activation
        raise ConversionError(f"the model ends in {what} over {units}; {WANTED}")
    logits = _before_activation(end) if squashed else end
    if len(logits.shape) != 2:
        logits = keras.layers.Reshape((units,), name="answers")(logits)
    return (logits if units == 1 else _difference(logits)), squashed


def _activation(tensor: Any) -> str:
    """The name of the activation that `tensor` comes from, or "linear"."""
    operation, _ = giver(tensor)
    if kind(operation) in FUNCTIONS:
        name = FUNCTIONS[kind(operation)]
    elif hasattr(operation, "activation"):
        name = str(getattr(operation.activation, "__name__", "an activation of its own"))
    else:
        return "linear"
    axis = getattr(operation, "axis", -1)
    if name.endswith("softmax") and tensor.shape[axis] != 2:
        return f"{name} along axis {axis}"
    return name


def _is_kept(tensor: Any) -> bool:
    """Whether it holds the numbers that were taken for it, in the same order."""
    found = kind(giver(tensor)[0])
    return found in KEEPING or (found == "Activation" and _activation(tensor) == "linear")


def _is_logit(tensor: Any) -> bool:
    """Whether weighted sums lead here, and no activation after them."""
    operation, taken = giver(tensor)
    if _is_kept(tensor):
        return _is_logit(taken[0])
    if _activation(tensor) not in LINEAR:
        return False
    return kind(operation) in WEIGHING or (kind(operation) in MIXING and all(map(_is_logit, taken)))


def _before_activation(tensor: Any) -> Any:
    """What a sigmoid or softmax takes; of a layer that includes it, what it computes before."""
    operation, taken = giver(tensor)
    if kind(operation) not in WEIGHING:
        return taken[0]
    config = operation.get_config() | {"activation": "linear", "name": "logits"}
    linear = type(operation).from_config(config)
    logits = linear(*taken)
    set_weights(linear, operation.get_weights())
    return logits


def _difference(logits: Any) -> Any:
    """The sigmoid's logit: a softmax over two is the sigmoid of their difference."""
    import keras

    layer = keras.layers.Dense(1, name="logit")
    answer = layer(logits)
    layer.set_weights([np.array([[-1.0], [1.0]], np.float32), np.zeros(1, np.float32)])
    return answer
