"""Keras predict, with all its threads: logits [N, 1] of crops float32 [N, S, S, 3].

It first writes the networks in all their forms to a folder, for the other sides; then it takes the
network for crops of that side.
"""

from __future__ import annotations

from pathlib import Path

import keras

from benchmarks.peers import networks
from benchmarks.peers.serve import Call, serve


def make(folder: str) -> Call:
    networks.make(Path(folder))
    paths = [networks.file(Path(folder), network, "keras") for network in networks.NETWORKS]
    models = {model.input_shape[1]: model for model in map(keras.models.load_model, paths)}
    return lambda crops: models[crops.shape[1]].predict(crops, batch_size=32, verbose=0)


if __name__ == "__main__":
    serve(make, ("keras", "tensorflow"))
