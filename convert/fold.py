"""Batch normalisation taken out of a trained network, exactly.

TFLite's converter folds a batch norm that follows a convolution. In MesoNet and its like a ReLU
lies between the two, sometimes a concatenation as well, and a max-pool follows. A positive scale
commutes with all of them, so it goes into the convolution's weights; the shift commutes with the
pooling alone, and is added after it, where there is less to add to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convert.flat import set_weights
from server.analysis.records import Float64


@dataclass(frozen=True, slots=True)
class _Plan:
    """By layer name: what its weights are scaled by, what is added after it, what it is not."""

    scales: dict[str, Float64] = field(default_factory=dict)
    shifts: dict[str, Float64] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)


def fold(model: Any) -> Any:
    """A Keras model that computes what `model` does, without the batch norms that can be folded.

    The others stay: those that follow a convolution at once, for TFLite's converter, and those with
    a scale that is not positive. A model whose layers are used more than once is returned as it is.
    """
    import keras

    plan = _plan(model)
    if not plan.dropped:
        return model

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        y = args[0] if layer.name in plan.dropped else layer(*args, **kwargs)
        if layer.name in plan.shifts:
            offset = plan.shifts[layer.name].astype(np.float32)
            y = keras.layers.Rescaling(1.0, offset.tolist(), name=f"{layer.name}_shift")(y)
        return y

    folded = keras.models.clone_model(model, call_function=call)
    for layer in folded.layers:
        if layer.weights:
            weights = model.get_layer(layer.name).get_weights()
            set_weights(layer, _scaled(layer, weights, plan.scales.get(layer.name)))
    return folded


def _plan(model: Any) -> _Plan:
    plan, graph = _Plan(), _Graph.of(model)
    if graph is None:
        return plan
    for layer in model.layers:
        if type(layer).__name__ != "BatchNormalization":
            continue
        if layer.axis not in (-1, len(layer.output.shape) - 1):
            continue
        scale, shift = _scale_and_shift(layer)
        scales = graph.takers(layer.input, scale, behind_relu=False)
        if not scales or (scale <= 0).any() or scales.keys() & plan.scales.keys():
            continue
        plan.scales.update(scales)
        plan.dropped.add(layer.name)
        after = graph.only_reader(layer.output)
        pooled = type(after).__name__ == "MaxPooling2D"
        plan.shifts[after.name if pooled else layer.name] = shift
    return plan


@dataclass(frozen=True, slots=True)
class _Graph:
    """Which layer or function gives a tensor, and which read it."""

    givers: dict[int, Any]
    readers: dict[int, list[Any]]

    @classmethod
    def of(cls, model: Any) -> _Graph | None:
        import keras

        givers: dict[int, Any] = {}
        readers: dict[int, list[Any]] = {}
        for layer in model.operations:
            if len(layer._inbound_nodes) != 1:
                return None
            given, taken = layer.output, layer.input
            givers[id(given)] = layer
            for tensor in keras.tree.flatten(taken):
                readers.setdefault(id(tensor), []).append(layer)
        return cls(givers, readers)

    def only_reader(self, tensor: Any) -> Any:
        layers = self.readers.get(id(tensor), [])
        return layers[0] if len(layers) == 1 else None

    def takers(
        self, tensor: Any, scale: Float64, *, behind_relu: bool
    ) -> dict[str, Float64] | None:
        """The convolutions that can take `scale`, each its part; None if it cannot be done.

        Where no ReLU lies between, the converter does better: it folds the shift as well.
        """
        layer = self.givers.get(id(tensor))
        if layer is None or self.only_reader(tensor) is None:
            return None
        kind, activation = type(layer).__name__, _activation(layer)
        if kind in ("Conv2D", "DepthwiseConv2D", "Dense"):
            relu = activation == "relu"
            fits = relu or (behind_relu and activation == "linear")
            return {layer.name: scale} if fits else None
        if kind in ("ReLU", "Activation") and activation == "relu":
            return self.takers(layer.input, scale, behind_relu=True)
        if kind == "Concatenate" and layer.axis in (-1, len(tensor.shape) - 1):
            parts = np.split(scale, np.cumsum([t.shape[-1] for t in layer.input])[:-1])
            found = [
                self.takers(one, part, behind_relu=behind_relu)
                for one, part in zip(layer.input, parts, strict=True)
            ]
            return {k: v for each in found for k, v in (each or {}).items()} if all(found) else None
        return None


def _activation(layer: Any) -> str:
    if type(layer).__name__ == "ReLU":
        plain = layer.max_value is None and not layer.negative_slope and not layer.threshold
        return "relu" if plain else "other"
    return str(getattr(getattr(layer, "activation", None), "__name__", "other"))


def _scale_and_shift(norm: Any) -> tuple[Float64, Float64]:
    """What a batch norm multiplies by, and then adds, float64 [C] each."""
    mean, variance = (
        np.asarray(weights, np.float64) for weights in (norm.moving_mean, norm.moving_variance)
    )
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * np.asarray(norm.gamma, np.float64)
    shift = -mean * scale
    return scale, shift + np.asarray(norm.beta, np.float64) if norm.center else shift


def _scaled(layer: Any, weights: list[Any], scale: Float64 | None) -> list[Any]:
    """Kernel and bias times `scale`, a number an output channel."""
    if scale is None:
        return weights
    kernel, *bias = weights
    if type(layer).__name__ == "DepthwiseConv2D":  # [h, w, input channel, multiplier]
        scaled = kernel * scale.reshape(kernel.shape[2:])
    else:
        scaled = kernel * scale
    return [scaled.astype(kernel.dtype), *(b * scale for b in bias)]
