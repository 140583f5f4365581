"""Keras models to TFLite files."""

from __future__ import annotations

from collections.abc import Iterable
from tempfile import TemporaryDirectory
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

    with TemporaryDirectory() as folder:
        # By way of a saved model: from_concrete_functions drops a Keras 3 model's weights, and
        # from_keras_model takes this way too but prints a page about it.
        model.export(folder, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        _configure(converter, precision, samples)
        return bytes(converter.convert())


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
