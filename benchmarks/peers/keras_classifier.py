"""Keras predict, with all its threads: logits [N, 1] of crops float32 [N, S, S, 3]."""

from __future__ import annotations

import keras

from benchmarks.peers.serve import Call, serve


def make(path: str) -> Call:
    model = keras.models.load_model(path)
    return lambda crops: model.predict(crops, batch_size=32, verbose=0)


if __name__ == "__main__":
    serve(make, ("keras", "tensorflow"))
