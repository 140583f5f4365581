"""TFLite files whose shapes are settled, for runtimes that take no others (LiteRT.js).

The weights and the operators stay what they were; only what depends on the shape of the input is
worked out here instead of at each run.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

IDENTIFIER = b"TFL3"


def fixed(content: bytes, shape: tuple[int, ...]) -> bytes:
    """A TFLite file that takes exactly `shape`, from one whose sides may be free.

    Integers that only shapes decide, such as what a Flatten needs to know, become constants.
    """
    interpreter = _ran(content, shape)
    model = _read(content)
    graph = model.subgraphs[0]
    for known in interpreter.get_tensor_details():
        if known["index"] < len(graph.tensors):
            _settle(graph.tensors[known["index"]], known["shape"])
    for operator in [op for op in graph.operators if _is_about_shapes(graph, op)]:
        graph.operators.remove(operator)
        for index in operator.outputs:
            _make_constant(model, graph.tensors[index], interpreter.get_tensor(index))
    return _written(model)


def any_sides(content: bytes) -> tuple[bytes, tuple[int, int]]:
    """A TFLite file for pictures of any sides, and where in it the sides are to be written.

    Both the input's height, width and, at the second place, the answer's are two neighbouring
    int32, little endian. What lies between input and answer follows from them.
    """
    model = _read(content)
    graph = model.subgraphs[0]
    marks = []
    for mark, index in enumerate((graph.inputs[0], graph.outputs[0]), start=1):
        tensor = graph.tensors[index]
        shape = np.array(tensor.shape)
        shape[1:3] = -1000 - mark  # as no shape is
        _settle(tensor, shape)
        marks.append(struct.pack("<2i", *shape[1:3]))
    for tensor in graph.tensors:
        tensor.shapeSignature = None
    written = _written(model)
    assert all(written.count(mark) == 1 for mark in marks)
    return written, (written.index(marks[0]), written.index(marks[1]))


def with_sides(content: bytes, at: tuple[int, int], *sides: tuple[int, int]) -> bytes:
    """What any_sides() wrote, for an input and an answer of these (height, width)."""
    written = bytearray(content)
    for place, pair in zip(at, sides, strict=True):
        struct.pack_into("<2i", written, place, *pair)
    return bytes(written)


def answer(content: bytes, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a file of settled shape answers to its one input."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], batch)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def _ran(content: bytes, shape: tuple[int, ...]) -> Any:
    """An interpreter that ran once on zeros and still holds what came in between."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], shape)
    interpreter.allocate_tensors()
    interpreter.invoke()
    return interpreter


def _read(content: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(content, 0)


def _written(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _settle(tensor: Any, shape: NDArray[Any]) -> None:
    tensor.shape, tensor.shapeSignature = np.asarray(shape, np.int32), None


def _is_about_shapes(graph: Any, operator: Any) -> bool:
    """Networks here compute pictures; integers of 32 bits in them only count pixels."""
    from ai_edge_litert import schema_py_generated as schema

    return all(graph.tensors[i].type == schema.TensorType.INT32 for i in operator.outputs)


def _make_constant(model: Any, tensor: Any, value: NDArray[Any]) -> None:
    from ai_edge_litert import schema_py_generated as schema

    tensor.buffer = len(model.buffers)
    model.buffers.append(schema.BufferT(data=np.frombuffer(value.tobytes(), np.uint8)))
