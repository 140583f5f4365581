"""The mask head: what it is fitted to, and that it says of each place what its features say."""

from __future__ import annotations

import numpy as np
import pytest

from models.meso import meso3
from models.preprocess import to_input
from training.evidence import maps

CELLS = 144 // maps.CELL_PX


@pytest.fixture(scope="module")
def seen():
    return maps.features(meso3())


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 255, (3, 144, 144, 3), np.uint8)


def test_places_are_foreign_where_most_of_them_is_touched(seen, pictures):
    touched = np.zeros((3, 144, 144), bool)
    touched[0] = True
    touched[1, :72] = True  # half of the places
    values, foreign = maps.places(seen, pictures, touched)
    assert values.shape == (3 * maps.PLACES, seen.output_shape[-1])
    shares = foreign.reshape(3, -1).mean(axis=1)
    assert shares[[0, 2]].tolist() == [1, 0]
    assert shares[1] == pytest.approx(0.5, abs=0.2)


def test_the_map_is_the_smoothed_sum_of_the_features(seen, pictures):
    rng = np.random.default_rng(1)
    weights, bias = rng.normal(size=seen.output_shape[-1]), -0.5
    network = maps.head(seen, weights, bias)
    found = network.predict_on_batch(to_input(pictures))
    assert found.shape == (3, CELLS, CELLS)
    sums = seen.predict_on_batch(to_input(pictures)).astype(float) @ weights + bias
    inner = sums
    for _ in range(2):
        size = (CELLS + 2, CELLS + 2)
        padded = np.full((3, *size), np.nan)
        padded[:, 1:-1, 1:-1] = inner
        shifts = [padded[:, y : y + CELLS, x : x + CELLS] for y in range(3) for x in range(3)]
        inner = np.nanmean(shifts, axis=0)  # at the edge of those that are there
    assert np.allclose(found, 1 / (1 + np.exp(-inner)), atol=1e-3)
