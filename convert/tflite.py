"""Keras models to TFLite files."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from convert.errors import ConversionError
from server.analysis.records import Float32

FEW_WEIGHTS = 4096  # in one filter
# Of the file format.
EMPTY = 0  # the buffer of a tensor without constant numbers
DEQUANTIZES_FLOAT16 = 3  # the operator's first version that does
Precision = Literal["float32", "float16", "dynamic", "int8"]


def export(model: Any, precision: Precision, samples: Iterable[Float32] = ()) -> bytes:
    """Write a Keras model as a TFLite file.

    float32 as it is; float16 weights where they are many; "dynamic": int8 weights where they are
    many, float32 activations; "int8": both, but for vectors, with float32 in and out, where
    `samples`, batches as the model takes them, set the ranges. Raises ConversionError for a model
    that TFLite has no operators for.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import ConverterError

    # The graph with its variables as constants takes a ninth of the time that a saved model does;
    # given the graph and the model, the converter loses a Keras 3 model's weights.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([_frozen(model)])
    plain = export(model, "float32") if precision == "int8" else b""
    _configure(converter, precision, samples)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
            warnings.filterwarnings("ignore", r"(?s).*tf\.lite\.Interpreter", UserWarning)
            written = bytes(_in_int8(converter, plain) if plain else converter.convert())
    except ConverterError as error:
        raise ConversionError(f"TFLite cannot hold the model: {_cause(error)}") from error
    after = {"float16": float16_where_many, "dynamic": float_where_small}
    return after[precision](written) if precision in after else written


def float16_where_many(model: bytes) -> bytes:
    """A float32 TFLite file with its large filters as float16, which are float32 again when read.

    Rounding all weights put Meso-3's P off by 0.01 on val; all but the depthwise filters, where a
    sum of a few products keeps each one's error, and biases, by 0.003; these large ones alone by
    0.0008. What stays is a fifth of its numbers.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    content = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    codes = [code.builtinCode for code in content.operatorCodes]
    for graph in content.subgraphs:
        stay = {i for op in graph.operators for i in op.inputs
                if codes[op.opcodeIndex] == schema.BuiltinOperator.DEPTHWISE_CONV_2D}  # fmt: skip
        for index, tensor in enumerate(list(graph.tensors)):
            buffer = content.buffers[tensor.buffer]
            large = buffer.data is not None and len(buffer.data) >= 4 * FEW_WEIGHTS
            if index in stay or not large or tensor.type != schema.TensorType.FLOAT32:
                continue
            numbers = np.asarray(buffer.data, np.uint8).view("<f4")
            buffer.data = numbers.astype("<f2").view(np.uint8)
            half = copy.copy(tensor)  # has the buffer now, and `tensor` what is read from it
            half.name, half.type = tensor.name + b"_float16", schema.TensorType.FLOAT16
            tensor.buffer = EMPTY
            taken, given = (np.array([i], np.int32) for i in (len(graph.tensors), index))
            graph.tensors.append(half)
            graph.operators.insert(0, schema.OperatorT(len(codes), inputs=taken, outputs=given))
    dequantize = schema.BuiltinOperator.DEQUANTIZE
    content.operatorCodes.append(
        schema.OperatorCodeT(dequantize, version=DEQUANTIZES_FLOAT16, builtinCode=dequantize)
    )
    return bytes(flatbuffer_utils.convert_object_to_bytearray(content))


def float_where_small(model: bytes) -> bytes:
    """A dynamic-range TFLite file with the filters float32 again that save little as int8.

    Depthwise filters, for which XNNPACK has no such mixed operator, so that they fall to slow
    reference code; and small ones, whose pictures take longer to quantise than int8 sums save.
    Together a third of Meso-3's time, and an eighth of its file.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    content = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    # Where in the shape of the filters the scales lie, one for each output channel.
    axes = {
        schema.BuiltinOperator.DEPTHWISE_CONV_2D: (1, 1, 1, -1),
        schema.BuiltinOperator.CONV_2D: (-1, 1, 1, 1),
        schema.BuiltinOperator.FULLY_CONNECTED: (-1, 1),
    }
    codes = [code.builtinCode for code in content.operatorCodes]
    for graph in content.subgraphs:
        for operator in graph.operators:
            code = codes[operator.opcodeIndex]
            if code not in axes:
                continue
            picture, filters = (graph.tensors[i] for i in operator.inputs[:2])
            small = np.prod(filters.shape) < FEW_WEIGHTS
            kinds = (picture.type, filters.type)
            if kinds == (schema.TensorType.FLOAT32, schema.TensorType.INT8) and (
                small or code == schema.BuiltinOperator.DEPTHWISE_CONV_2D
            ):
                buffer = content.buffers[filters.buffer]
                integers = np.asarray(buffer.data, np.uint8).view(np.int8).reshape(filters.shape)
                scales = np.asarray(filters.quantization.scale, np.float32).reshape(axes[code])
                buffer.data = (integers * scales).astype("<f4").view(np.uint8).ravel()
                filters.type, filters.quantization = schema.TensorType.FLOAT32, None
    _lower_versions(content, schema)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(content))


def _lower_versions(content: Any, schema: Any) -> None:
    """Give dense layers whose weights are all float32 the version that old runtimes know, which
    is another with int8 weights."""
    for index, operator_code in enumerate(content.operatorCodes):
        if operator_code.builtinCode == schema.BuiltinOperator.FULLY_CONNECTED and all(
            graph.tensors[operator.inputs[1]].type == schema.TensorType.FLOAT32
            for graph in content.subgraphs
            for operator in graph.operators
            if operator.opcodeIndex == index
        ):
            operator_code.version = 1


def _cause(error: Exception) -> str:
    """What stops the converter, from its many lines."""
    missing = sorted(set(re.findall(r"\ttf\.(\w+)", str(error))))
    if missing:
        return f"there is no operator for {', '.join(missing)}; replace what needs it"
    first = re.search(r"error: (.{,200})", str(error))
    return first[1] if first else str(error).strip()[:200]


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

    if precision in ("dynamic", "int8"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "int8":
        batches = list(samples)
        if not batches:
            raise ValueError("int8 needs samples to set the ranges of the activations")
        converter.representative_dataset = lambda: ([batch] for batch in batches)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def _in_int8(converter: Any, plain: bytes) -> bytes:
    """All in int8 but the vectors at a network's end: they cost nothing in float32, and rounded to
    a 256th of their range they would be most of the error. Besides, older runtimes lack some
    operators in int8, such as the logarithm. `plain`: the same network in float32."""
    import tensorflow as tf

    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=_vectors(plain))
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=options,
    )
    return bytes(debugger.get_nondebug_quantized_model())


def _vectors(model: bytes) -> list[str]:
    """The tensors [N, C] that operators of a TFLite file give; not of dense layers with many
    weights, which are worth an int8."""
    from tensorflow.lite.tools import flatbuffer_utils

    content = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    return [
        graph.tensors[given].name.decode()
        for graph in content.subgraphs
        for operator in graph.operators
        if all(_count(graph.tensors[i]) < FEW_WEIGHTS for i in operator.inputs[1:2])
        for given in operator.outputs
        if len(graph.tensors[given].shape) <= 2
    ]


def _count(tensor: Any) -> int:
    return int(np.prod(tensor.shape))
