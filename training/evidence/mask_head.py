"""A mask head: which places of a face are foreign, by a weighted sum of a network's features.

The features of every stage of a frozen Meso-3 are put on one grid; a logistic regression on
self-blended faces of the train part, whose foreign pixels are known, weighs them; the sums are
smoothed before the sigmoid. The network is not touched: the head knows only what it saw anyway.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.preprocess import to_input
from training.data import crops as data
from training.evidence.trials import enlarged
from training.forgery.ovals import Blends, self_blends

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LAYERS = ("stage1_block3_add", "stage2_block2_add", "stage3_block2_add", "head_relu")
CELL_PX = 8  # of the network's input, a side of a place
PICTURES = 900
PLACES = 100  # drawn of each picture
STRENGTH = 1e-3  # of the inverse regularisation
PRECISION = 0.6  # of what is marked, at least so much must be foreign: sets the threshold


def fit(model: Any, train_set: data.Crops, count: int = PICTURES) -> Any:
    """Train the head on self-blends of `count` reals, and on half as many reals as they are.

    Returns a Keras model: crops float32 [N, S, S, 3] as `model` takes them to P(place is foreign)
    float32 [N, S / 8, S / 8].
    """
    side_px = model.input_shape[1]
    blends = self_blends(train_set, count, side_px)
    kept = len(blends.pictures) // 2
    pictures = np.concatenate([blends.pictures, blends.untouched[:kept]])
    touched = np.concatenate([blends.touched(), np.zeros((kept, side_px, side_px), bool)])
    seen = features(model)
    values, foreign = places(seen, pictures, touched)
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-3
    line = LogisticRegression(C=STRENGTH, solver="newton-cholesky")
    line.fit((values - mean) / spread, foreign)
    weights = line.coef_[0] / spread
    return head(seen, weights, float(line.intercept_[0] - mean @ weights))


def features(model: Any) -> Any:
    """The Keras model of all stages' features, on one grid: [N, S / 8, S / 8, C]."""
    import keras

    cells = model.input_shape[1] // CELL_PX
    maps = []
    for name in LAYERS:
        x = model.get_layer(name).output
        if x.shape[1] > cells:
            x = keras.layers.AveragePooling2D(x.shape[1] // cells)(x)
        elif x.shape[1] < cells:
            x = keras.layers.UpSampling2D(cells // x.shape[1])(x)
        maps.append(x)
    return keras.Model(model.input, keras.layers.Concatenate()(maps))


def places(seen: Any, pictures: Uint8, touched: NDArray[np.bool_]) -> tuple[Float32, Any]:
    """PLACES places of each picture: features float32 [P, C], and whether they are foreign."""
    rng = np.random.default_rng(0)
    cells = seen.output_shape[1]
    values, foreign = [], []
    for at in range(0, len(pictures), 64):
        found = np.asarray(seen.predict_on_batch(to_input(pictures[at : at + 64])))
        for maps, mask in zip(found, touched[at : at + 64], strict=True):
            shares = cv2.resize(
                mask.astype(np.float32), (cells, cells), interpolation=cv2.INTER_AREA
            )
            chosen = rng.permutation(cells * cells)[:PLACES]
            values.append(maps.reshape(cells * cells, -1)[chosen])
            foreign.append(shares.ravel()[chosen] >= 0.5)
    return np.concatenate(values), np.concatenate(foreign)


def head(seen: Any, weights: Float64, bias: float) -> Any:
    """The weighted sum of features at each place, smoothed, as a probability."""
    import keras

    layer = keras.layers.Conv2D(1, 1, name="sum")
    x = layer(seen.output)
    layer.set_weights([weights.reshape(1, 1, -1, 1), np.array([bias])])
    for _ in range(2):  # means of inner places alone at the edge, unlike a convolution
        x = keras.layers.AveragePooling2D(3, strides=1, padding="same")(x)
    x = keras.layers.Reshape(seen.output_shape[1:3])(keras.layers.Activation("sigmoid")(x))
    return keras.Model(seen.input, x, name="evidence")


def threshold(maps: Float32, blends: Blends) -> float:
    """The lowest at which PRECISION of all that is marked in `blends` is foreign, in hundredths."""
    marks, touched = enlarged(maps, blends.masks.shape[1]), blends.touched()
    for hundredths in range(1, 100):
        marked = marks >= hundredths / 100
        if touched[marked].mean() >= PRECISION:
            return hundredths / 100
    raise ValueError("the map is wrong wherever it is sure")
