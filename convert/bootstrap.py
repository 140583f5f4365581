"""How far a number may be off: the bootstrap that every interval of the project comes from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000


def interval(
    statistic: Callable[[NDArray[np.intp]], float], groups: NDArray[Any], seed: int = 0
) -> tuple[float, float]:
    """The 95 % percentile interval of `statistic`, which maps indices of N samples to a number.

    `groups` [N] tells which samples belong together, such as those of one person: whole groups are
    drawn with replacement. A draw of which the statistic is nan does not count; nan, nan if none
    does.
    """
    samples = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(DRAWS):
        drawn = [samples[i] for i in rng.integers(len(samples), size=len(samples))]
        values.append(statistic(np.concatenate(drawn)))
    counted = [value for value in values if not math.isnan(value)]
    if not counted:
        return math.nan, math.nan
    low, high = np.percentile(counted, [2.5, 97.5])
    return float(low), float(high)
