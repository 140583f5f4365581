"""A network that trains and converts in a second or two, with the heads that ours have."""

from __future__ import annotations

import keras
from keras import layers


def tiny(input_px: int | None = None, dropout: float = 0.2) -> keras.Model:
    """float32 [N, S, S, 3] in -1..1 to logits of three kinds and of two maps, as models.multihead
    has them."""
    image = keras.Input((input_px, input_px, 3), name="crop")
    x = layers.ReLU(6.0)(layers.Conv2D(8, 4, 4, padding="same", name="first")(image))
    x = layers.ReLU(6.0)(layers.Conv2D(16, 4, 4, padding="same", name="head")(x))
    pooled = layers.Dropout(dropout, name="dropout")(layers.GlobalAveragePooling2D()(x))
    heads = {
        "kinds": layers.Dense(3, name="kinds")(pooled),
        "places": layers.Conv2D(2, 1, name="places")(x),
    }
    return keras.Model(image, heads, name="tiny")
