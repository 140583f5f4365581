"""Other people's Keras models: opened without running anything of theirs, and brought to our form.

Our form is what models.meso builds: float32 [N, S, S, 3] in -1..1 in, one logit [N, 1] out.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np

from convert.errors import ConversionError
from convert.fold import fold

InputRange = Literal["-1..1", "0..1", "0..255"]
# x in -1..1 becomes scale * x + offset.
RANGES: dict[InputRange, tuple[float, float]] = {
    "-1..1": (1.0, 0.0),
    "0..1": (0.5, 0.5),
    "0..255": (127.5, 127.5),
}
SIDES_PX = range(16, 1025)
MAX_BYTES = 1 << 30  # of a model's file, unpacked: the largest image classifiers are a half of it
CODE = frozenset({"Lambda", "TorchModuleWrapper", "TFSMLayer", "FlaxLayer", "JaxLayer"})


def load(path: Path) -> Any:
    """The model of a .keras or .h5 file with weights; raises ConversionError.

    What would run code of the file's own is refused before Keras sees it.
    """
    if not path.is_file():
        raise ConversionError(f"{path} is not there")
    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise ConversionError(f"{path} is no Keras model; save one as .keras or .h5")
    config = _zipped_config(path) if path.suffix == ".keras" else _hdf5_config(path)
    if own := _class_names(config) & CODE:
        raise ConversionError(
            f"{path} holds code of its own ({', '.join(sorted(own))}), which is never run; "
            "replace that by layers of Keras"
        )
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever Keras stumbles upon in a strange file
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ConversionError(
            f"Keras cannot load {path}: {first_line[:300]}; save it again with Keras 3"
        ) from error


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


def _zipped_config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise ConversionError(f"{path} unpacks to over {MAX_BYTES >> 20} MiB")
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, NotImplementedError) as error:
        raise ConversionError(f"{path} is damaged or no .keras file: {error}") from error


def _hdf5_config(path: Path) -> Any:
    import h5py

    if path.stat().st_size > MAX_BYTES:
        raise ConversionError(f"{path} is over {MAX_BYTES >> 20} MiB")
    try:
        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config")
    except OSError as error:
        raise ConversionError(f"{path} is damaged or no HDF5 file: {error}") from error
    if config is None:
        raise ConversionError(
            f"{path} holds weights alone; for published MesoNet weights use `convert mesonet`, "
            "else save the whole model"
        )
    try:
        return json.loads(config)
    except ValueError as error:
        raise ConversionError(f"{path} describes no model: {error}") from error


def _class_names(config: Any) -> set[str]:
    """Every class that a configuration names, at any depth."""
    found: set[str] = set()
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if isinstance(name := item.get("class_name"), str):
                found.add(name.rpartition(">")[2])
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return found


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
