"""A Keras model as one graph: what is nested is laid out, and everything computes in float32."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

ADDED = ("picture", "logits", "answers", "logit")  # names of what network.py and ends.py add
OTHER_FLOATS = re.compile(r"(mixed_)?b?float(16|64)")


def flat(model: Any, picture: Any) -> Any:
    """A model from the symbolic `picture` [N, S, S, 3] to the first output of `model`.

    It consists of copies of the layers and functions of `model` and of all models inside it, under
    names of their own; `model` stays as it is.
    """
    import keras

    return keras.Model(picture, _Copies().answers(model, picture)[0])


def giver(tensor: Any) -> tuple[Any, list[Any]]:
    """The layer or function that a symbolic tensor comes from, and the tensors that it takes."""
    history = tensor._keras_history
    node = history.operation._inbound_nodes[history.node_index]
    return history.operation, list(node.input_tensors)


def kind(operation: Any) -> str:
    """Of a layer or function, such as "Dense" or "Sigmoid"."""
    return type(operation).__name__


def set_weights(layer: Any, weights: list[NDArray[Any]]) -> None:
    """Give a layer its weights; a Normalization then computes its mean and variance from them."""
    layer.set_weights(weights)
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()


@dataclass(frozen=True, slots=True)
class _Copies:
    """`made`: by the id of the layer or function, so that what is shared stays shared."""

    made: dict[int, Any] = field(default_factory=dict)
    names: set[str] = field(default_factory=lambda: set(ADDED))

    def answers(self, model: Any, *given: Any) -> list[Any]:
        """What `model` gives for symbolic tensors."""
        import keras

        # A Sequential hides its graph; its ends lead to it.
        graph = keras.Model(model.inputs, model.outputs) if _is_sequential(model) else model
        return list(keras.tree.flatten(graph._run_through_graph(given, call_fn=self._call)))

    def _call(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        import keras

        if _is_sequential(operation) or hasattr(operation, "_run_through_graph"):
            taken = keras.tree.flatten((args, kwargs))
            return self.answers(operation, *(t for t in taken if isinstance(t, keras.KerasTensor)))
        if known := self.made.get(id(operation)):
            return known(*args, **kwargs)
        self.made[id(operation)] = copy = self._copy(operation)
        answer = copy(*args, **kwargs)
        if getattr(operation, "weights", None):
            set_weights(copy, operation.get_weights())
        return answer

    def _copy(self, operation: Any) -> Any:
        config = _in_float32(operation.get_config())
        config["name"] = self._name(operation.name)
        copy = type(operation).from_config(config)
        copy.name = config["name"]  # a function forgets it
        return copy

    def _name(self, theirs: str) -> str:
        """The same where TensorFlow takes it and no other layer has it."""
        clean = re.sub(r"[^A-Za-z0-9_.-]+", "_", theirs).lstrip("_-") or "layer"
        found, count = clean, 1
        while found in self.names:
            found, count = f"{clean}_{count}", count + 1
        self.names.add(found)
        return found


def _is_sequential(operation: Any) -> bool:
    return kind(operation) == "Sequential"


def _in_float32(config: Any) -> Any:
    """A layer's configuration where every policy of other floats is replaced."""
    if isinstance(config, dict):
        return {
            key: "float32" if key == "dtype" and _is_other_float(value) else _in_float32(value)
            for key, value in config.items()
        }
    return [_in_float32(item) for item in config] if isinstance(config, list) else config


def _is_other_float(dtype: Any) -> bool:
    name = dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype
    return isinstance(name, str) and bool(OTHER_FLOATS.fullmatch(name))
