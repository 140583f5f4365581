"""Other people's Keras models: opened without running anything of theirs, and brought to our form.

Our form is what models.meso builds: float32 [N, S, S, 3] in -1..1 in, one logit [N, 1] out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert import ends, ranges
from convert.errors import ConversionError
from convert.flat import flat
from convert.fold import fold
from convert.ranges import InputRange
from models import keras_files
from server.analysis.records import Float32, Float64
from server.analysis.scoring import sigmoid

SIDES_PX = range(16, 1025)


@dataclass(frozen=True, slots=True)
class Classifier:
    """Somebody's model, and the same in our form.

    `form` is a Keras model in our form. `probability` maps crops float32 [N, S, S, 3] in -1..1 to
    P of the second class, float64 [N], as the unmodified model gives it. `noticed` is the range
    that the model's own first layers tell, `squashed` whether it ends in a sigmoid or softmax,
    `rounds` whether it computes in 16 bits.
    """

    form: Any
    probability: Callable[[Float32], Float64]
    input_range: InputRange
    noticed: InputRange | None
    squashed: bool
    rounds: bool


def load(path: Path) -> Any:
    """The model of a .keras or .h5 file with weights; raises ConversionError."""
    try:
        model = keras_files.load(path)
    except keras_files.KerasFileError as error:
        raise ConversionError(str(error)) from error
    if not getattr(model, "inputs", None):
        raise ConversionError(
            f"{path} does not state what it takes; begin it with keras.Input((S, S, 3)), which "
            "needs no new training, and save it again"
        )
    return model


def check_loss(path: Path, classifier: Classifier) -> None:
    """Raise ConversionError for logits that the model's file states to be probabilities."""
    loss = keras_files.loss_of_probabilities(path)
    if loss and not classifier.squashed:
        raise ConversionError(
            f"the model ends in no sigmoid or softmax, but was trained with {loss}, which takes "
            "probabilities; end it in a sigmoid, or if it gives logits all the same, save it again "
            "after load_model(..., compile=False)"
        )


def as_classifier(
    model: Any, input_range: InputRange | None = None, side_px: int | None = None
) -> Classifier:
    """`model`, which tells two classes of square pictures apart, in our form.

    `input_range` is what it takes; where None, what its own first layers tell, else -1..1.
    `side_px` is for a model that takes any size. Batch norm is folded. Raises ConversionError if
    the model is something else.
    """
    import keras

    side_px = _side_px(model, side_px)
    picture = keras.Input((side_px, side_px, 3), name="picture")
    theirs = flat(model, picture)
    noticed = ranges.noticed(theirs)
    found = input_range or noticed or "-1..1"
    logit, squashed = ends.logit(theirs.outputs[0])
    body = fold(keras.Model(picture, logit))
    classifier = Classifier(
        _behind(body, found, side_px),
        _probability(model, found, squashed),
        found,
        noticed,
        squashed,
        any("16" in str(getattr(layer, "compute_dtype", "")) for layer in model._flatten_layers()),
    )
    _check_grey(classifier, side_px)
    return classifier


def _side_px(model: Any, wanted: int | None) -> int:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ConversionError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            "one picture in and one answer out can be converted"
        )
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2]:
        raise ConversionError(
            f"the model takes {shape}; wanted: square RGB pictures, channels last"
        )
    side_px = shape[1] or wanted
    if side_px is None:
        raise ConversionError("the model takes pictures of any size; choose one with --input-px")
    if wanted not in (None, side_px):
        raise ConversionError(f"the model takes {side_px} px, not {wanted}")
    if side_px not in SIDES_PX:
        raise ConversionError(
            f"the model takes {side_px} px; wanted: {SIDES_PX[0]} to {SIDES_PX[-1]}"
        )
    return int(side_px)


def _behind(body: Any, input_range: InputRange, side_px: int) -> Any:
    """`body` with what brings crops in -1..1 to its own range."""
    import keras

    crop = keras.Input((side_px, side_px, 3), name="crop")
    scale, offset = ranges.scale_and_offset(input_range)
    x = crop if input_range == "-1..1" else keras.layers.Rescaling(scale, offset)(crop)
    return keras.Model(crop, body(x), name="classifier")


def _probability(
    model: Any, input_range: InputRange, squashed: bool
) -> Callable[[Float32], Float64]:
    """`squashed`: whether `model` answers with probabilities; else with logits."""
    import keras

    scale, offset = ranges.scale_and_offset(input_range)
    picture = model.inputs[0]
    dtype = np.dtype(picture.dtype)
    structure = getattr(model, "_inputs_struct", picture)  # a Sequential takes the picture alone

    def probability(crops: Float32) -> Float64:
        pictures = scale * crops + offset
        if dtype.kind in "iu":
            pictures = np.rint(pictures)
        given = keras.tree.pack_sequence_as(structure, [pictures.astype(dtype)])
        answer = keras.tree.flatten(model(given, training=False))[0]
        values = np.asarray(answer).astype(np.float64).reshape(len(crops), -1)
        if squashed:
            return np.asarray(values[:, -1], np.float64)
        return sigmoid(values[:, -1] - (values[:, 0] if values.shape[1] == 2 else 0))

    return probability


def _check_grey(classifier: Classifier, side_px: int) -> None:
    grey = np.zeros((2, side_px, side_px, 3), np.float32)
    answers = classifier.probability(grey), np.asarray(classifier.form(grey, training=False))
    if not all(np.isfinite(answer).all() for answer in answers):
        raise ConversionError("the model answers NaN or infinity for a grey picture; train it anew")
