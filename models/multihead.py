"""A trunk, and a head for each way in which a face can be false.

`swap`: the face of another person was put in by a deepfake method. `blend`: a part of the picture
comes from elsewhere and was blended in. `generated`: the whole picture was made. Each head answers
with a logit of its own, because a single logit learns the easiest of the three and forgets the
others; two maps tell where, for `blend` and `swap`.

The trunk is EfficientNet-Lite0 (Tan & Le 2019; ImageNet weights published by Google) without batch
norm: the statistics of ImageNet are folded into the convolutions before training starts, so that a
step takes half the time and a converted network computes exactly what was trained.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from models.meso import EXPANSION, FULL_STAGES, MESO3_STAGES, Stages

KINDS = ("swap", "blend", "generated")
PLACES = ("swap", "blend")  # the kinds that have a map
STRIDE = 16  # px of the crop for each place of a map
# EfficientNet-Lite2: the blocks of Lite0, a fifth more of them and a tenth wider.
LITE2_STAGES: Stages = (
    ((3, 1, 16), (3, 2, 24), *((3, 1, 24),) * 2),
    ((5, 2, 48), *((5, 1, 48),) * 2),
    ((3, 2, 88), *((3, 1, 88),) * 3, *((5, 1, 120),) * 4),
    ((5, 2, 208), *((5, 1, 208),) * 4, (3, 1, 352)),
)
TRACES_STAGES = FULL_STAGES[:3]  # of EfficientNet-Lite0
FULL_INPUT_PX = 224  # a crop whole, at its own resolution
# Three networks that were trained apart err apart: the mean of their logits errs less than each.
# Of each, its input size and the kinds that it has heads for.
EXPERTS = {
    "full": (FULL_INPUT_PX, KINDS),
    "traces": (FULL_INPUT_PX, ("blend", "generated")),
    "swap": (176, ("swap",)),
}


def traces(input_px: int | None = None, dropout: float = 0.2) -> keras.Model:
    """EfficientNet-Lite0's first three stages, 0.7 M parameters; the same outputs. For traces that
    are shallow and small, such as those of blending, and are gone where a crop is shrunk."""
    return _multihead("traces", TRACES_STAGES, _blocks(TRACES_STAGES), input_px, dropout)


def full(input_px: int | None = None, dropout: float = 0.3) -> keras.Model:
    """EfficientNet-Lite2 whole, 4.8 M parameters; the same outputs. Deep enough for deepfakes,
    which are seen as a whole, and trained for blends beside them."""
    return _multihead("full", LITE2_STAGES, _blocks(LITE2_STAGES[:3]), input_px, dropout)


def swap(input_px: int | None = None, dropout: float = 0.2) -> keras.Model:
    """EfficientNet-Lite0 whole, 3.4 M parameters; the same outputs. Its first stages are pooled as
    those of meso.meso3_full are, so that training may start from that network."""
    return _multihead("swap", FULL_STAGES, _blocks(MESO3_STAGES), input_px, dropout)


def small(input_px: int | None = None, dropout: float = 0.2) -> keras.Model:
    """The first three stages alone, as Meso-3 has them: 179 k parameters; the same outputs."""
    return _multihead("small", MESO3_STAGES, _blocks(MESO3_STAGES), input_px, dropout)


def joined(experts: dict[str, keras.Model]) -> keras.Model:
    """One network of those that EXPERTS names, each with its own trunk: the same outputs, of a crop
    float32 [N, 224, 224, 3], as the means of the experts that are asked for a kind."""
    crop = keras.Input((FULL_INPUT_PX, FULL_INPUT_PX, 3), name="crop")
    side = FULL_INPUT_PX // STRIDE
    kinds: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    places: dict[str, list[Any]] = {kind: [] for kind in PLACES}
    for name, (px, asked) in EXPERTS.items():
        view = crop if px == FULL_INPUT_PX else layers.Resizing(px, px, name=f"{name}_view")(crop)
        answer = _sized(experts[name], px)(view)
        mapped = answer["places"]
        if px != FULL_INPUT_PX:
            mapped = layers.Resizing(side, side, name=f"{name}_places")(mapped)
        for kind in asked:
            kinds[kind].append(answer["kinds"][:, KINDS.index(kind), None])
            if kind in PLACES:
                places[kind].append(mapped[..., PLACES.index(kind), None])
    answers = {"kinds": _means(kinds), "places": _means(places)}
    return keras.Model(crop, answers, name="experts")


def _means(of: dict[str, list[Any]]) -> Any:
    """The means of each kind's answers [..., 1], side by side."""
    each = [ops.mean(ops.concatenate(a, -1), -1, keepdims=True) for a in of.values()]
    return ops.concatenate(each, -1)


def verdict(trained: keras.Model, scale: Any, offset: Any, input_px: int, name: str) -> keras.Model:
    """A network of the same heads with one logit [N, 1]: of any manipulation.

    That is log sum exp over the heads of scale x logit + offset, both [K]: high where one is.
    """
    crop = keras.Input((input_px, input_px, 3), name="crop")
    weigh = layers.Dense(len(KINDS), name="weigh")
    weighed = weigh(_sized(trained, input_px)(crop)["kinds"])
    weigh.set_weights([np.diag(np.asarray(scale, np.float32)), np.asarray(offset, np.float32)])
    share = ops.max(ops.softmax(weighed, axis=1), axis=1, keepdims=True)
    logit = ops.max(weighed, axis=1, keepdims=True) - ops.log(share)  # the log sum exp
    return keras.Model(crop, logit, name=name)


def evidence(trained: keras.Model, input_px: int) -> keras.Model:
    """A network of the same heads that maps a crop to P(place is foreign), [N, S/16, S/16]."""
    crop = keras.Input((input_px, input_px, 3), name="crop")
    foreign = ops.max(_sized(trained, input_px)(crop)["places"], axis=3)
    return keras.Model(crop, ops.sigmoid(foreign), name="evidence")


def heads(network: keras.Model, name: str) -> keras.Model:
    """The network called `name` in one that verdict() or joined() made, of any input size again: to
    train it further. Raises ValueError if there is none."""
    if network.name == name:
        free = BUILDERS[name]()
        free.set_weights(network.get_weights())
        return free
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            with suppress(ValueError):
                return heads(layer, name)
    raise ValueError(f"{network.name} holds no network called {name}")


def trained(network: keras.Model) -> keras.Model:
    """The heads, apart, of a network that verdict() made. Raises ValueError if it has none."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            return layer
    raise ValueError(f"{network.name} has no heads apart")


def _sized(trained: keras.Model, input_px: int) -> keras.Model:
    """The same network for crops of one size, which TFLite needs."""
    if trained.name not in BUILDERS:
        return trained
    network = BUILDERS[trained.name](input_px)
    network.set_weights(trained.get_weights())
    return network


def _blocks(stages: Stages) -> int:
    return sum(map(len, stages))


def _multihead(
    name: str, stages: Stages, middle: int, input_px: int | None, dropout: float
) -> keras.Model:
    image = keras.Input((input_px, input_px, 3), name="crop")
    blocks = _trunk(image, stages)
    mid = _conv(blocks[middle - 1], 128, kernel=1, strides=1, name="head")
    # What follows is float32 where the trunk is trained in half precision.
    places = layers.Conv2D(len(PLACES), 1, name="places", dtype="float32")(mid)
    strongest = _soft_maximum(places)
    pooled = layers.GlobalAveragePooling2D(name="pool", dtype="float32")(mid)
    features = pooled
    if len(blocks) > middle:
        deep = _conv(blocks[-1], 1280, kernel=1, strides=1, name="deep_head")
        deep = layers.GlobalAveragePooling2D(name="deep_pool", dtype="float32")(deep)
        features = layers.Concatenate(name="pools", dtype="float32")([pooled, deep])
    features = layers.Dropout(dropout, name="dropout", dtype="float32")(features)
    # Traces of blending are small and shallow: the deep stages are left to the other two.
    swap = layers.Concatenate(name="swap_features", dtype="float32")([features, strongest[:, :1]])
    blend = layers.Concatenate(name="blend_features", dtype="float32")([pooled, strongest[:, 1:]])
    logits = [
        layers.Dense(1, name="swap", dtype="float32")(swap),
        layers.Dense(1, name="blend", dtype="float32")(blend),
        layers.Dense(1, name="generated", dtype="float32")(features),
    ]
    kinds = layers.Concatenate(name="kinds", dtype="float32")(logits)
    return keras.Model(image, {"kinds": kinds, "places": places}, name=name)


def _soft_maximum(places: Any) -> Any:
    """log mean exp over the places, [N, 2]: near the largest, but every place learns."""
    peak = ops.max(places, axis=(1, 2), keepdims=True)
    mean = ops.mean(ops.exp(places - peak), axis=(1, 2))
    return ops.log(mean) + ops.squeeze(peak, axis=(1, 2))


def _trunk(image: Any, stages: Any) -> list[Any]:
    """The stem and the blocks of `stages`; returns what each block gives."""
    x = _conv(image, 32, kernel=3, strides=2, name="stem")
    blocks = []
    for s, stage in enumerate(stages, start=1):
        for b, shape in enumerate(stage, start=1):
            x = _inverted_residual(x, shape, 1 if (s, b) == (1, 1) else EXPANSION, (s, b))
            blocks.append(x)
    return blocks


def _inverted_residual(
    x: Any, shape: tuple[int, int, int], expansion: int, place: tuple[int, int]
) -> Any:
    """Widen, filter each channel, narrow; the input is added where shapes allow."""
    (kernel, strides, width), name = shape, "stage{}_block{}".format(*place)
    y = x
    if expansion > 1:
        y = _conv(y, x.shape[-1] * expansion, kernel=1, strides=1, name=f"{name}_expand")
    y = layers.DepthwiseConv2D(kernel, strides, padding="same", name=f"{name}_depthwise")(y)
    y = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(y)
    y = layers.Conv2D(width, 1, name=f"{name}_project")(y)
    alike = strides == 1 and x.shape[-1] == width
    return layers.Add(name=f"{name}_add")([x, y]) if alike else y


def _conv(x: Any, width: int, *, kernel: int, strides: int, name: str) -> Any:
    x = layers.Conv2D(width, kernel, strides, padding="same", name=name)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


BUILDERS = {"full": full, "traces": traces, "swap": swap, "small": small}
