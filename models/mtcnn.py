"""The three networks of MTCNN (Zhang et al. 2016, arXiv 1604.02878), shaped for conversion.

They differ from the published ones in form only, so that a runtime has less to do: the input is the
picture itself (float32 RGB in 0..255), since the normalisation lives in the first convolution; the
two classes of the softmax are one logit, their difference; and all outputs leave through one head.
Every head gives, in this order: 4 box offsets, 1 face logit and, for the O-Net, 5 landmark x and
5 landmark y, all relative to the window that was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import KerasTensor, Model, layers, ops

from models.pyramid import levels

OFFSETS, LOGIT, LANDMARKS = slice(0, 4), 4, slice(5, 15)


def pnet() -> Model:
    """Proposals: any picture float32 [N, H, W, 3] to float32 [N, h, w, 5], a window a cell.

    A window is 12 px wide and the cells lie 2 px apart.
    """
    picture = layers.Input((None, None, 3), name="picture")
    x = _block(picture, 10, 3, "1")
    x = layers.MaxPooling2D(2, 2, padding="same", name="pool1")(x)
    x = _block(x, 16, 3, "2")
    x = _block(x, 32, 3, "3")
    return Model(picture, _conv(5, 1, "head")(x), name="pnet")


def rnet() -> Model:
    """Refinement: windows float32 [N, 24, 24, 3] to float32 [N, 5]."""
    window = layers.Input((24, 24, 3), name="window")
    x = _block(window, 28, 3, "1")
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = _block(x, 48, 3, "2")
    x = layers.MaxPooling2D(3, 2, padding="valid", name="pool2")(x)
    x = _block(x, 64, 2, "3")
    x = _dense(x, 128, "4")
    return Model(window, _linear(5, "head")(x), name="rnet")


def onet() -> Model:
    """Output: windows float32 [N, 48, 48, 3] to float32 [N, 15], landmarks included."""
    window = layers.Input((48, 48, 3), name="window")
    x = _block(window, 32, 3, "1")
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = _block(x, 64, 3, "2")
    x = layers.MaxPooling2D(3, 2, padding="valid", name="pool2")(x)
    x = _block(x, 64, 3, "3")
    x = layers.MaxPooling2D(2, 2, padding="same", name="pool3")(x)
    x = _block(x, 128, 2, "4")
    x = _dense(x, 256, "5")
    return Model(window, _linear(15, "head")(x), name="onet")


def _block(x: KerasTensor, filters: int, size: int, number: str) -> KerasTensor:
    """A convolution and its PReLU. One slope a channel keeps alpha [1, 1, C], which TFLite runs as
    one operator; any other shape becomes five."""
    x = _conv(filters, size, f"conv{number}")(x)
    return layers.PReLU(shared_axes=[1, 2], name=f"prelu{number}")(x)


def _dense(x: KerasTensor, units: int, number: str) -> KerasTensor:
    x = layers.Flatten(name="flatten")(x)
    x = _linear(units, f"dense{number}")(x)
    return layers.PReLU(name=f"prelu{number}")(x)


def _conv(filters: int, size: int, name: str) -> layers.Layer:
    """All weights are set later; JAX would compile for seconds to draw them at random."""
    return layers.Conv2D(filters, size, kernel_initializer="zeros", name=name)


def _linear(units: int, name: str) -> layers.Layer:
    return layers.Dense(units, kernel_initializer="zeros", name=name)


def filled(name: str, constants: Mapping[str, Any]) -> Model:
    """The network of this name with the weights of its TFLite file, by the names they have there.

    Raises ValueError if they are another network's.
    """
    model: Model = {"pnet": pnet, "rnet": rnet, "onet": onet}[name]()
    found: dict[str, list[Any]] = {layer.name: [] for layer in model.layers}
    for full_name, value in constants.items():
        layer = full_name.split("/")[1].rpartition("_")[0] if "/" in full_name else ""
        if layer in found and value.dtype == "float32":
            found[layer].append(_as_keras(value))
    for layer in model.layers:
        layer.set_weights(sorted(found[layer.name], key=lambda weight: -weight.ndim))
    return model


def _as_keras(weight: Any) -> Any:
    """TFLite keeps what leaves a layer first: a kernel as [out, height, width, in]."""
    axes = {4: (1, 2, 3, 0), 2: (1, 0)}.get(weight.ndim)
    return weight.transpose(axes) if axes else weight


def proposals(network: Model, height: int, width: int) -> Model:
    """The P-Net `network` over whole pyramids of pictures that fit on a canvas of this size.

    Takes canvases uint8 [N, height, width, 3] with a picture in the corner, and sides float32
    [N, 1 + L, 2]: the picture's height and width and those of each level, 0 where it has none.
    Answers float32 [N, cells, 5]: level after level, row after row, for the levels of the canvas.
    """
    canvas = keras.Input((height, width, 3), dtype="uint8", name="canvas")
    sides = keras.Input((1 + len(levels(height, width)), 2), name="sides")
    return Model([canvas, sides], _Pyramid(network, height, width)([canvas, sides]))


class _Pyramid(layers.Layer):  # type: ignore[misc]
    """One answer for all levels, computed with as few and as large steps as a GPU likes."""

    def __init__(self, network: Model, height: int, width: int) -> None:
        super().__init__(name="pyramid")
        self._network = network
        self._levels = levels(height, width)

    def call(self, inputs: Any) -> Any:
        canvas, sides = ops.cast(inputs[0], "float32"), inputs[1]
        answers = []
        for number, level in enumerate(self._levels, start=1):
            own = sides[:, number]
            rows = _averaging(canvas.shape[1], level.height, sides[:, 0, 0], own[:, 0])
            columns = _averaging(canvas.shape[2], level.width, sides[:, 0, 1], own[:, 1])
            x = ops.einsum("nih,nhwc->niwc", rows, canvas)
            x = ops.einsum("njw,niwc->nijc", columns, x)
            answer = self._windows(x, own)
            answers.append(ops.reshape(answer, (-1, answer.shape[1] * answer.shape[2], 5)))
        return ops.concatenate(answers, axis=1)

    def _windows(self, x: Any, own: Any) -> Any:
        """The P-Net, for which the picture ends where it ends, and not where its canvas does."""
        for layer in self._network.layers[1:]:
            x = layer(x)
            if layer.name == "prelu1":  # whose pooling would look across the edge of an odd side
                row = ops.arange(x.shape[1], dtype="float32")[None] < own[:, :1] - 2
                column = ops.arange(x.shape[2], dtype="float32")[None] < own[:, 1:] - 2
                inside = ops.logical_and(row[:, :, None], column[:, None, :])
                x = ops.where(inside[..., None], x, -1e9)
        return x

    def compute_output_shape(self, shapes: Any) -> tuple[int | None, int, int]:
        return shapes[0][0], sum(level.cells[0] * level.cells[1] for level in self._levels), 5


def _averaging(given_px: int, wanted_px: int, filled_px: Any, into_px: Any) -> Any:
    """How much each of `given_px` pixels counts in each of `wanted_px`, float32 [N, wanted, given].

    As resizing by area does where of a side only `filled_px` pixels shrink to `into_px`, each [N].
    """
    ratio = (filled_px / ops.maximum(into_px, 1.0))[:, None, None]
    wanted = ops.arange(wanted_px, dtype="float32")[None, :, None]
    given = ops.arange(given_px, dtype="float32")[None, None, :]
    shared = ops.minimum((wanted + 1) * ratio, given + 1) - ops.maximum(wanted * ratio, given)
    return ops.clip(shared, 0.0, 1.0) / ratio
