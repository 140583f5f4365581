"""Keras models to TFLite files."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Precision = Literal["float32", "float16", "dynamic", "int8"]


def export(model: Any, precision: Precision, samples: Iterable[Float32] = ()) -> bytes:
    """Write a Keras model as a TFLite file.

    float32 as it is; float16 weights; "dynamic": int8 weights, float32 activations; "int8": both,
    with float32 in and out, where `samples`, batches as the model takes them, set the ranges.
    """
    import tensorflow as tf

    # The graph with its variables as constants takes a ninth of the time that a saved model does;
    # given the graph and the model, the converter loses a Keras 3 model's weights.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([_frozen(model)])
    _configure(converter, precision, samples)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
        return bytes(converter.convert())


def _frozen(model: Any) -> Any:
    """What `model` does in service, as one function of pictures float32 [N, ...]."""
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    picture = model.inputs[0]
    taken = tf.TensorSpec(picture.shape, tf.float32, picture.name)
    traced = tf.function(lambda x: model(x, training=False)).get_concrete_function(taken)
    return convert_to_constants.convert_variables_to_constants_v2(traced)


def _configure(converter: Any, precision: Precision, samples: Iterable[Float32]) -> None:
    import tensorflow as tf

    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        batches = list(samples)
        if not batches:
            raise ValueError("int8 needs samples to set the ranges of the activations")
        converter.representative_dataset = lambda: ([batch] for batch in batches)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
