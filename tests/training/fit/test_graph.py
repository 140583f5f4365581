"""A step on a GPU computes what a step by Keras computes; that it is captured needs a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(
    not find_spec("torch"), reason="no environment of this project holds PyTorch: pip install torch"
)

CODE = """
import cv2, keras, numpy as np, torch
from models.preprocess import to_input
from training.fit import graph
from training.fit.run import ByKeras, Optimisation, Run
from training.fit.teacher import Taught

class Fixed:
    def pictures(self, first):
        step = first
        while True:
            rng = np.random.default_rng(step)
            x = rng.integers(0, 256, (4, 64, 64, 3)).astype(np.uint8)
            kinds = np.tile(np.array([[0.02] * 3, [0.98, -1, -1]], np.float32), (2, 1))
            places = np.full((4, 4, 4, 2), -1, np.float32)
            places[0::2], places[1::2, ..., 0] = 0, rng.random((2, 4, 4))
            yield x, {"kinds": kinds, "places": places}
            step += 1

    def steps(self, first):
        return ((to_input(x), labels) for x, labels in self.pictures(first))

def teacher(x):
    mean = x.reshape(4, -1).mean(1)
    kinds = mean[:, None] + torch.tensor([2.0, -1.0, 0.5])
    return {"kinds": kinds, "places": mean[:, None, None, None] * torch.ones(4, 4, 4, 2)}

def as_numpy(x):
    return {name: of.numpy() for name, of in teacher(torch.from_numpy(x)).items()}

def runs():
    made = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        run = Run("small", Optimisation())
        run.model.get_layer("dropout").rate = 0
        made.append(run)
    return made

for plain, on_gpu in [
    (Fixed(), Fixed()),
    (Taught(Fixed(), as_numpy, 32), Taught(Fixed(), teacher, 32)),
]:
    one, other = runs()
    first, second = ByKeras(one, plain), graph.step(other, on_gpu)
    pairs = zip(first.batches(0), second.batches(0))
    for n, (a, b) in zip(range(2), pairs):
        first(*a, 1e-4 * (n + 1), 0.5)
        second(*b, 1e-4 * (n + 1), 0.5)
    expected = first.losses()
    for name, value in second.losses().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4)
    # After more steps they part: Adam moves weights whose gradient is almost 0 as far as others.
    for x, y in zip(one.network_weights(), other.network_weights(), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)
    for x, y in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)
"""


def test_a_step_on_a_gpu_is_that_of_keras():
    env = {
        **os.environ,
        "KERAS_BACKEND": "torch",
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-c", CODE], env=env, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
