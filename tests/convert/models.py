"""Small networks of other people's kinds, and face crops to convert them with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SIDE_PX = 32


def crops(folder: Path, astronaut: np.ndarray, count: int = 6) -> Path:
    """A folder with real/ and fake/ pictures: pieces of the portrait, the fakes blurred."""
    rng = np.random.default_rng(3)
    for kind in ("real", "fake"):
        (folder / kind).mkdir(parents=True)
        for n in range(count):
            x, y = rng.integers(0, 380, 2)
            piece = astronaut[y : y + 120, x : x + 120]
            piece = cv2.GaussianBlur(piece, (0, 0), 4) if kind == "fake" else piece
            cv2.imwrite(str(folder / kind / f"{n}.png"), piece[..., ::-1])
    return folder


def network(end: str = "sigmoid", units: int = 1, side_px: int = SIDE_PX):
    """Convolutions, with batch norm behind the ReLU, and a dense end."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    image = keras.Input((side_px, side_px, 3), name="picture")
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(image)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(x))
    model = keras.Model(image, layers.Dense(units, activation=end)(x), name="theirs")
    norm = next(layer for layer in model.layers if "Normalization" in type(layer).__name__)
    rng = np.random.default_rng(1)
    norm.set_weights([rng.uniform(0.5, 2, 8) for _ in range(4)])
    return model


def published(path: Path, arch: str):
    """Weights in the layout of Keras 2.1: alone, layers numbered as they were made.

    Returns the network, in our layers.
    """
    import h5py
    import keras

    from convert import mesonet
    from models import meso

    keras.utils.set_random_seed(2)
    model = meso.BUILDERS[arch](mesonet.SIDE_PX)
    numbered = [
        ("conv2d", mesonet.CONVOLUTIONS[arch], ("kernel", "bias")),
        ("batch_normalization", mesonet.NORMS[arch], mesonet.NORM),
        ("dense", mesonet.DENSE, ("kernel", "bias")),
    ]
    with h5py.File(path, "w") as file:
        for kind, names, parts in numbered:
            for n, name in enumerate(names, 1):
                for part, value in zip(parts, model.get_layer(name).get_weights(), strict=True):
                    file[f"{kind}_{n}/{kind}_{n}/{part}:0"] = value
        file.create_group("flatten_1")
    return model
