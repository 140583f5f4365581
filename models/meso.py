"""The classifiers as Keras graphs: Meso-3, and the two published networks it is compared with.

Each maps float32 [N, S, S, 3] in -1..1 (models.preprocess.to_input) to one logit [N, 1] for the
class "fake", runs on any Keras backend, and is made only of layers that TFLite can quantise.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

# (kernel, stride, width) of each inverted-residual block. The first seven of EfficientNet-Lite0
# (Tan & Le 2019, ImageNet weights published by Google), so that training can start from those;
# grouped into three stages at 1/4, 1/8 and 1/16 of the input: past that, features describe who is
# in the picture rather than how it was made.
Stages = tuple[tuple[tuple[int, int, int], ...], ...]
MESO3_STAGES: Stages = (
    ((3, 1, 16), (3, 2, 24), (3, 1, 24)),
    ((5, 2, 40), (5, 1, 40)),
    ((3, 2, 80), (3, 1, 80)),
)
# What follows in EfficientNet-Lite0: its third stage to the end, and two deeper ones.
FULL_STAGES: Stages = (
    *MESO3_STAGES[:2],
    (*MESO3_STAGES[2], (3, 1, 80), *((5, 1, 112),) * 3),
    ((5, 2, 192), *((5, 1, 192),) * 3, (3, 1, 320)),
)
# The largest multiple of 16 at which a face costs less than Meso-4 at 256 px, batch norm folded
# in both: `python -m training report` measures it. At 160 px it would cost a tenth more.
MESO3_INPUT_PX = 144
FULL_INPUT_PX = 160
EXPANSION = 6  # the first block alone does not widen
BN_EPSILON = 1e-3
BN_MOMENTUM = 0.99


def meso3(input_px: int = MESO3_INPUT_PX, dropout: float = 0.2) -> keras.Model:
    """Three mesoscopic stages and a pooled head: 190 k parameters, at most 250 k by design."""
    image = keras.Input((input_px, input_px, 3), name="crop")
    x = _trunk(image, MESO3_STAGES)[-1]
    x = layers.Dropout(dropout, name="dropout")(_pooled(x, 128, ""))
    return keras.Model(image, layers.Dense(1, name="logit")(x), name="meso3")


def meso3_full(input_px: int = FULL_INPUT_PX, dropout: float = 0.2) -> keras.Model:
    """The full model: EfficientNet-Lite0 whole, 3.5 M parameters, in float on a GPU.

    What Meso-3 pools goes into the logit too, beside the deep features, so that training can start
    from a trained Meso-3 and add to its features.
    """
    image = keras.Input((input_px, input_px, 3), name="crop")
    blocks = _trunk(image, FULL_STAGES)
    meso = _pooled(blocks[sum(map(len, MESO3_STAGES)) - 1], 128, "")
    deep = _pooled(blocks[-1], 1280, "deep_")
    x = layers.Dropout(dropout, name="dropout")(layers.Concatenate(name="pools")([meso, deep]))
    return keras.Model(image, layers.Dense(1, name="logit")(x), name="meso3-full")


def _trunk(image: Any, stages: Any) -> list[Any]:
    """The stem and the blocks of `stages`; returns what each block gives."""
    x = _conv(image, 32, kernel=3, strides=2, name="stem")
    blocks = []
    for s, stage in enumerate(stages, start=1):
        for b, (kernel, strides, width) in enumerate(stage, start=1):
            expansion = 1 if (s, b) == (1, 1) else EXPANSION
            x = _inverted_residual(x, (kernel, strides, width, expansion), f"stage{s}_block{b}")
            blocks.append(x)
    return blocks


def _pooled(x: Any, width: int, prefix: str) -> Any:
    x = _conv(x, width, kernel=1, strides=1, name=f"{prefix}head")
    return layers.GlobalAveragePooling2D(name=f"{prefix}pool")(x)


def _inverted_residual(x: Any, shape: tuple[int, int, int, int], name: str) -> Any:
    """Widen, filter each channel, narrow; the input is added where shapes allow."""
    kernel, strides, width, expansion = shape
    y = x
    if expansion > 1:
        y = _conv(y, x.shape[-1] * expansion, kernel=1, strides=1, name=f"{name}_expand")
    y = layers.DepthwiseConv2D(
        kernel, strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(y)
    y = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(_norm(y, f"{name}_depthwise"))
    y = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_project")(y)
    y = _norm(y, f"{name}_project")
    return layers.Add(name=f"{name}_add")([x, y]) if y.shape == x.shape else y


def _conv(x: Any, width: int, *, kernel: int, strides: int, name: str) -> Any:
    x = layers.Conv2D(width, kernel, strides, padding="same", use_bias=False, name=name)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(_norm(x, name))


def _norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(momentum=BN_MOMENTUM, epsilon=BN_EPSILON, name=f"{name}_norm")(
        x
    )


MESO4_STAGES = ((8, 3, 2), (8, 5, 2), (16, 5, 2), (16, 5, 4))  # width, kernel, pooling


def meso4(input_px: int = 256) -> keras.Model:
    """Meso-4 (Afchar et al., "MesoNet", WIFS 2018), with a logit instead of the sigmoid."""
    image = keras.Input((input_px, input_px, 3), name="crop")
    x = image
    for n, (width, kernel, pool) in enumerate(MESO4_STAGES, 1):
        x = _plain_conv(x, width, kernel, f"conv{n}")
        x = layers.MaxPooling2D(pool, padding="same", name=f"conv{n}_pool")(x)
    return keras.Model(image, _dense_head(x), name="meso4")


def mesoinception4(input_px: int = 256) -> keras.Model:
    """MesoInception-4 (same paper): the first two convolutions become parallel dilated ones."""
    image = keras.Input((input_px, input_px, 3), name="crop")
    x = image
    for n, widths in enumerate(((1, 4, 4, 2), (2, 4, 4, 2)), 1):
        x = _inception(x, widths, f"inception{n}")
        x = layers.MaxPooling2D(2, padding="same", name=f"inception{n}_pool")(x)
    for n, pool in ((3, 2), (4, 4)):
        x = _plain_conv(x, 16, 5, f"conv{n}")
        x = layers.MaxPooling2D(pool, padding="same", name=f"conv{n}_pool")(x)
    return keras.Model(image, _dense_head(x), name="mesoinception4")


def folded_meso4(model: keras.Model) -> keras.Model:
    """The same function as `model`, a meso4(), without batch norm: for a fair measure of its cost.

    ReLU and max-pooling commute with a positive scale, so that goes into the convolution; the shift
    commutes with the pooling alone and is added after it. Raises ValueError if a scale is not
    positive.
    """
    image = keras.Input(model.input_shape[1:], name="crop")
    x = image
    for n, (width, kernel, pool) in enumerate(MESO4_STAGES, 1):
        weights, bias = model.get_layer(f"conv{n}").get_weights()
        gamma, beta, mean, variance = model.get_layer(f"conv{n}_norm").get_weights()
        scale = gamma / (variance + BN_EPSILON) ** 0.5
        if (scale <= 0).any():
            raise ValueError(f"conv{n}_norm turns its input around and cannot be folded")
        conv = layers.Conv2D(width, kernel, padding="same", activation="relu", name=f"conv{n}")
        x = conv(x)
        conv.set_weights([weights * scale, bias * scale])
        x = layers.MaxPooling2D(pool, padding="same", name=f"conv{n}_pool")(x)
        x = x + (beta - mean * scale)
    folded = keras.Model(image, _dense_head(x), name="meso4_folded")
    for name in ("hidden", "logit"):
        folded.get_layer(name).set_weights(model.get_layer(name).get_weights())
    return folded


def _plain_conv(x: Any, width: int, kernel: int, name: str) -> Any:
    x = layers.Conv2D(width, kernel, padding="same", activation="relu", name=name)(x)
    return _norm(x, name)


def _inception(x: Any, widths: tuple[int, int, int, int], name: str) -> Any:
    """A 1x1 branch beside three 3x3 branches of dilation 1, 2 and 3."""
    branches = [layers.Conv2D(widths[0], 1, activation="relu", name=f"{name}_point")(x)]
    for dilation, width in enumerate(widths[1:], start=1):
        y = layers.Conv2D(width, 1, activation="relu", name=f"{name}_narrow{dilation}")(x)
        branches.append(
            layers.Conv2D(
                width,
                3,
                padding="same",
                dilation_rate=dilation,
                activation="relu",
                name=f"{name}_dilated{dilation}",
            )(y)
        )
    return _norm(layers.Concatenate(name=f"{name}_concat")(branches), name)


def _dense_head(x: Any) -> Any:
    x = layers.Dropout(0.5, name="dropout1")(layers.Flatten(name="flatten")(x))
    x = layers.LeakyReLU(0.1, name="hidden_relu")(layers.Dense(16, name="hidden")(x))
    return layers.Dense(1, name="logit")(layers.Dropout(0.5, name="dropout2")(x))


BUILDERS = {
    "meso3": meso3,
    "meso3-full": meso3_full,
    "meso4": meso4,
    "mesoinception4": mesoinception4,
}
