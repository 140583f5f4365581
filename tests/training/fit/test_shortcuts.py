"""What gives a source away is found; a source of fair pairs passes."""

from __future__ import annotations

import numpy as np

from tests.training.fit.test_batches import STILL
from training.fit import shortcuts
from training.fit.examples import Example
from training.forgery.landmarks import SIDE_PX


class Source:
    """Pairs of noise in which the fake is lighter by so much."""

    def __init__(self, lighter):
        self.lighter = lighter

    def draw(self, rng):
        level = rng.integers(60, 160)
        real, fake = (
            rng.integers(level, level + 20, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
            for _ in range(2)
        )
        return Example(real, fake + np.uint8(self.lighter), 0)


def test_fakes_that_are_lighter_are_found():
    assert shortcuts.auc(Source(60), STILL, pairs=60) > shortcuts.ALLOWED


def test_fair_pairs_pass():
    assert shortcuts.auc(Source(0), STILL, pairs=60) < shortcuts.ALLOWED
