"""Other people's Keras models: opened without running anything of theirs, and brought to our form.

Our form is what models.meso builds: float32 [N, S, S, 3] in -1..1 in, one logit [N, 1] out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from convert.errors import ConversionError
from convert.fold import fold
from models import keras_files

InputRange = Literal["-1..1", "0..1", "0..255"]
# x in -1..1 becomes scale * x + offset.
RANGES: dict[InputRange, tuple[float, float]] = {
    "-1..1": (1.0, 0.0),
    "0..1": (0.5, 0.5),
    "0..255": (127.5, 127.5),
}
SIDES_PX = range(16, 1025)


def load(path: Path) -> Any:
    """The model of a .keras or .h5 file with weights; raises ConversionError."""
    try:
        return keras_files.load(path)
    except keras_files.KerasFileError as error:
        raise ConversionError(str(error)) from error


def as_classifier(model: Any, input_range: InputRange, name: str) -> Any:
    """`model`, which takes pictures in `input_range` and tells two classes apart, in our form.

    A sigmoid or a softmax over two classes at its end becomes the logit for the second class; batch
    norm is folded. Raises ConversionError if the model is something else.
    """
    import keras

    side_px = _side_px(model)
    scale, offset = RANGES[input_range]
    crop = keras.Input((side_px, side_px, 3), name="crop")
    x = crop if input_range == "-1..1" else keras.layers.Rescaling(scale, offset)(crop)
    body = fold(_without_last_activation(model))
    logit = body(x)
    if logit.shape[-1] == 2:
        logit = _difference(logit)
    classifier = keras.Model(crop, logit, name=name)
    probe = np.zeros((2, side_px, side_px, 3), np.float32)
    answer = np.asarray(classifier(probe, training=False))
    if answer.shape != (2, 1):
        raise ConversionError(f"the model answers {answer.shape[1:]}; wanted: one number a picture")
    if not np.isfinite(answer).all():
        raise ConversionError("the model answers NaN or infinity for a grey picture; train it anew")
    return classifier


def _side_px(model: Any) -> int:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ConversionError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            "one picture in and one answer out can be converted"
        )
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2] or shape[1] is None:
        raise ConversionError(
            f"the model takes {shape}; wanted: square RGB pictures, channels last"
        )
    if shape[1] not in SIDES_PX:
        raise ConversionError(
            f"the model takes {shape[1]} px; wanted: {SIDES_PX[0]} to {SIDES_PX[-1]}"
        )
    return int(shape[1])


def _without_last_activation(model: Any) -> Any:
    """The model up to its logits: one for the second class, or one for each of two."""
    import keras

    units = model.outputs[0].shape[-1] if len(model.outputs[0].shape) == 2 else None
    ends = {1: "sigmoid", 2: "softmax"}
    if units not in ends:
        raise ConversionError(
            f"the model answers {tuple(model.outputs[0].shape[1:])}; wanted: a logit, a sigmoid, "
            "or a softmax over two classes"
        )
    last = model.layers[-1]
    activation = getattr(getattr(last, "activation", None), "__name__", "linear")
    if type(last).__name__ == "Softmax":
        activation = "softmax"
    if activation == "linear":
        return model
    if activation != ends[units]:
        raise ConversionError(
            f"the model ends in {activation} over {units}; wanted: a logit, a sigmoid, or a "
            "softmax over two classes"
        )
    if type(last).__name__ in ("Activation", "Softmax"):
        return keras.Model(model.inputs, last.input)
    if type(last).__name__ != "Dense":
        raise ConversionError(f"the model ends in a {type(last).__name__}; wanted: a Dense layer")
    linear = keras.layers.Dense(units, use_bias=last.use_bias, name=f"{last.name}_logit")
    answer = linear(last.input)
    linear.set_weights(last.get_weights())
    return keras.Model(model.inputs, answer)


def _difference(logits: Any) -> Any:
    """The sigmoid's logit: a softmax over two is the sigmoid of their difference."""
    import keras

    layer = keras.layers.Dense(1, use_bias=False, name="logit")
    answer = layer(logits)
    layer.set_weights([np.array([[-1.0], [1.0]], np.float32)])
    return answer
