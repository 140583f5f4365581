"""What no face of DFDC shows must reach the served file too: int8 cuts off what it never saw."""

from __future__ import annotations

import numpy as np
import pytest

from models import registry
from training.data import crops as data
from training.evaluate.model import load, logits

pytestmark = [pytest.mark.data, pytest.mark.slow]


def test_generated_faces_score_as_high_served_as_in_float(shared_data):
    spec = registry.spec("meso3-full")
    shown = data.read(shared_data / "extra" / "gan-val.tar")
    shown = shown.take(np.flatnonzero(shown.fake)[::2])
    served, exact = (
        logits(load(str(spec.files[variant].path)), shown) for variant in (spec.serve, "keras")
    )
    assert np.corrcoef(served, exact)[0, 1] > 0.98
    assert abs(served.max() - exact.max()) < 0.3
