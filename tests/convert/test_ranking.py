"""The area under the curve is scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from convert.ranking import auc


@pytest.mark.parametrize("decimals", [1, 8])  # many ties, and none
def test_it_is_scikit_learns(decimals: int) -> None:
    rng = np.random.default_rng(decimals)
    for count in (2, 13, 400):
        positive = np.arange(count) % 3 == 0
        values = np.round(rng.random(count), decimals)
        assert auc(positive, values) == pytest.approx(roc_auc_score(positive, values), abs=1e-12)


def test_what_is_clear() -> None:
    positive = np.array([False, True, True])
    assert auc(positive, np.array([0.1, 0.2, 0.3], np.float32)) == 1
    assert auc(positive, np.array([0.3, 0.2, 0.1], np.float32)) == 0
    assert auc(positive, np.full(3, 0.5, np.float32)) == 0.5
