"""What is in a model file: `python -m convert inspect MODEL`."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.errors import ConversionError

SMALL_PX = 128


@dataclass(frozen=True, slots=True)
class Tensor:
    """`scale` is what one step of its integers is worth; None where it holds floats."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One kind of operator: how many there are, their multiply-adds, and who runs them."""

    name: str
    count: int
    macs: int
    delegated: int


@dataclass(frozen=True, slots=True)
class Facts:
    """`weights`: how many there are of each dtype."""

    path: Path
    size_bytes: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    weights: dict[str, int]

    @property
    def macs(self) -> int:
        return sum(operator.macs for operator in self.operators)


def inspect(path: Path) -> Facts:
    """The facts of a .tflite, .keras or .h5 file; raises ConversionError. Nothing in it is run."""
    return _tflite(path) if _is_tflite(path) else _keras(path)


def _is_tflite(path: Path) -> bool:
    """By its content, or where it is damaged, by its name."""
    if not path.is_file():
        return False  # reading it as a Keras model tells what it is
    with path.open("rb") as file:
        return file.read(8)[4:] == b"TFL3" or path.suffix.lower() == ".tflite"


def _tflite(path: Path) -> Facts:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    if path.read_bytes()[4:8] != b"TFL3":
        raise ConversionError(f"{path} is no TFLite file")
    try:
        # A delegate tells nobody the shapes of what lies between its ends.
        alone = Interpreter(
            str(path),
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter = Interpreter(str(path), num_threads=1)
        plain = alone._get_ops_details()
        constant = _weights(alone, plain)
        for each in (alone, interpreter):
            for tensor in each.get_input_details():
                each.resize_tensor_input(tensor["index"], _usual(tensor["shape_signature"]))
            each.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ConversionError(
            f"{path} cannot be loaded: {str(error)[:300]}; convert it again with built-in operators"
        ) from error
    tensors = {tensor["index"]: tensor for tensor in alone.get_tensor_details()}
    taken = _delegated(interpreter._get_ops_details(), len(plain))
    counts, macs, delegated = Counter[str](), Counter[str](), Counter[str]()
    for op in plain:
        counts[op["op_name"]] += 1
        macs[op["op_name"]] += _macs(op, tensors)
        delegated[op["op_name"]] += op["index"] in taken
    operators = [Operator(name, counts[name], macs[name], delegated[name]) for name in counts]
    return Facts(
        path,
        path.stat().st_size,
        tuple(map(_tensor, interpreter.get_input_details())),
        tuple(map(_tensor, interpreter.get_output_details())),
        tuple(sorted(operators, key=lambda operator: -operator.macs)),
        constant,
    )


def _usual(signature: Any) -> list[int]:
    """One picture, and of a size that is free a small one."""
    return [
        int(size) if size > 0 else (SMALL_PX if axis else 1) for axis, size in enumerate(signature)
    ]


def _weights(interpreter: Any, operators: list[dict[str, Any]]) -> dict[str, int]:
    """How many there are of each dtype: what no operator writes and nobody gives."""
    written = {int(index) for op in operators for index in op["outputs"]}
    written |= {int(tensor["index"]) for tensor in interpreter.get_input_details()}
    found = Counter[str]()
    for tensor in interpreter.get_tensor_details():
        if tensor["index"] not in written:
            found[np.dtype(tensor["dtype"]).name] += math.prod(map(int, tensor["shape"]))
    return dict(found)


def _delegated(operators: list[dict[str, Any]], own: int) -> set[int]:
    """The indices of those that a delegate stands in for: what lies between its ends."""
    writers = {int(out): op for op in operators[:own] for out in op["outputs"]}
    taken: set[int] = set()
    for delegate in operators[own:]:
        ends = set(map(int, delegate["inputs"]))
        pending = [int(tensor) for tensor in delegate["outputs"]]
        while pending:
            op = writers.get(pending.pop())
            if op and op["index"] not in taken:
                taken.add(op["index"])
                pending += [int(tensor) for tensor in op["inputs"] if int(tensor) not in ends]
    return taken


def _macs(op: dict[str, Any], tensors: dict[int, dict[str, Any]]) -> int:
    """Multiply-adds of one operator for one picture; 0 for those that do not multiply."""
    shapes = [tuple(map(int, tensors[int(i)]["shape"])) for i in op["inputs"] if int(i) >= 0]
    out = tuple(map(int, tensors[int(op["outputs"][0])]["shape"]))
    if op["op_name"] == "CONV_2D":  # kernel: [out, h, w, in]
        return math.prod(out) * math.prod(shapes[1][1:])
    if op["op_name"] == "DEPTHWISE_CONV_2D":  # kernel: [1, h, w, out]
        return math.prod(out) * math.prod(shapes[1][1:3])
    if op["op_name"] == "FULLY_CONNECTED":  # kernel: [out, in]
        return math.prod(shapes[1])
    return 0


def _tensor(details: dict[str, Any]) -> Tensor:
    shape = tuple(map(int, details.get("shape_signature", details["shape"])))
    scale = float(details["quantization"][0]) or None
    return Tensor(details["name"], shape, np.dtype(details["dtype"]).name, scale)


def _keras(path: Path) -> Facts:
    from convert.network import load

    model = load(path)
    weights = Counter[str]()
    for variable in model.weights:
        weights[str(variable.dtype)] += math.prod(variable.shape)
    counts = Counter(type(layer).__name__ for layer in model.layers)
    sides = [
        tuple(
            Tensor(tensor.name, tuple(size or -1 for size in tensor.shape), str(tensor.dtype), None)
            for tensor in group
        )
        for group in (model.inputs, model.outputs)
    ]
    operators = tuple(Operator(name, count, 0, 0) for name, count in counts.most_common())
    return Facts(path, path.stat().st_size, sides[0], sides[1], operators, dict(weights))


def show(facts: Facts) -> None:
    """Print the facts as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"{facts.path.name}: {facts.size_bytes:,} bytes", markup=False)
    for name, group in (("input", facts.inputs), ("output", facts.outputs)):
        for tensor in group:
            shape = " x ".join("N" if size < 0 else str(size) for size in tensor.shape)
            steps = f", steps of {tensor.scale:.4g}" if tensor.scale else ""
            console.print(f"{name:<7} {tensor.name}: {tensor.dtype} [{shape}]{steps}", markup=False)
    held = ", ".join(f"{count:,} {dtype}" for dtype, count in facts.weights.items())
    console.print(f"weights {held}")
    tflite = _is_tflite(facts.path)
    table = Table("operator" if tflite else "layer", "count")
    if tflite:
        table.add_column("multiply-adds", justify="right")
        table.add_column("run by XNNPACK", justify="right")
    for operator in facts.operators:
        row = [operator.name, str(operator.count)]
        if tflite:
            row += [f"{operator.macs:,}", f"{operator.delegated} of {operator.count}"]
        table.add_row(*row)
    console.print(table)
    if tflite:
        console.print(f"{facts.macs / 1e6:.1f} million multiply-adds a picture{_of_size(facts)}")


def _of_size(facts: Facts) -> str:
    """What was assumed where a file leaves the size of its pictures open."""
    free = any(size < 0 for tensor in facts.inputs for size in tensor.shape[1:])
    return f" (where its size is free, {SMALL_PX} px)" if free else ""
