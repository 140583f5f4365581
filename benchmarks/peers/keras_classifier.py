"""Keras predict, with all its threads: logits [N, 1] of crops float32 [N, S, S, 3].

Of several networks it takes the one for crops of that side.
"""

from __future__ import annotations

import keras

from benchmarks.peers.serve import Call, serve


def make(paths: list[str]) -> Call:
    models = {model.input_shape[1]: model for model in map(keras.models.load_model, paths)}
    return lambda crops: models[crops.shape[1]].predict(crops, batch_size=32, verbose=0)


if __name__ == "__main__":
    serve(make, ("keras", "tensorflow"))
