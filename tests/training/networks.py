"""A network that trains and converts in a second or two, of the layers that ours are made of."""

from __future__ import annotations

import keras
from keras import layers


def tiny(input_px: int, dropout: float = 0.2) -> keras.Model:
    """float32 [N, S, S, 3] in -1..1 to one logit [N, 1]."""
    image = keras.Input((input_px, input_px, 3), name="crop")
    x = layers.Conv2D(8, 3, 2, padding="same", use_bias=False, name="stem")(image)
    x = layers.ReLU(6.0)(layers.BatchNormalization(name="stem_norm", momentum=0.8)(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(name="head_norm", momentum=0.8)(x))
    x = layers.Dropout(dropout, name="dropout")(layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.Model(image, layers.Dense(1, name="logit")(x), name="tiny")
