"""One logit of several heads: fitted on val pictures of every kind, kept in the network itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp, softmax

from models import multihead
from training.fit.development import Pictures, logits

Float64 = NDArray[np.float64]
SCALES = (0.05, 3.0)  # of a head's logit
PULL = 0.01  # towards each head's own logit: there are few numbers to learn, and few val people


def network(trained: Any, chosen: Sequence[Pictures], input_px: int) -> Any:
    """The Keras model that maps a crop to one logit [N, 1]: any kind of manipulation."""
    scale, offset = fit([logits(trained, c.pictures) for c in chosen], [c.fake for c in chosen])
    return multihead.verdict(trained, scale, offset, input_px)


def fit(of_heads: Sequence[Any], fake: Sequence[NDArray[np.bool_]]) -> tuple[Float64, Float64]:
    """`scale` and `offset` float64 [K], so that log sum exp (scale x logit + offset) over the heads
    is the log odds of a fake, where each set counts as much as any other, and its reals as much as
    its fakes. A set may lack one of both.

    `of_heads`: logits [N, K] of each set; `fake` bool [N] of each.
    """
    x = np.concatenate(of_heads).astype(np.float64)
    y = np.concatenate(fake).astype(np.float64)
    weight = np.concatenate([_weights(labels) for labels in fake])
    heads = x.shape[1]
    start = np.concatenate([np.ones(heads), np.full(heads, -np.log(heads))])

    def loss(values: Float64) -> tuple[float, Float64]:
        scaled = values[:heads] * x + values[heads:]
        z = logsumexp(scaled, axis=1)
        wrong = weight * (expit(z) - y)
        share = softmax(scaled, axis=1) * wrong[:, None]
        slope = np.concatenate([(share * x).sum(axis=0), share.sum(axis=0)])
        away = values - start
        lost = weight @ (np.logaddexp(0, z) - y * z) + PULL * away @ away
        return float(lost), slope + 2 * PULL * away

    bounds = [SCALES] * heads + [(None, None)] * heads
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found[:heads], found[heads:]


def _weights(fake: NDArray[np.bool_]) -> Float64:
    counts = np.where(fake, fake.sum(), (~fake).sum())
    return np.asarray(1 / counts)
