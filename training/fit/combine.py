"""One logit of several heads: fitted on val pictures of every kind, kept in the network itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp, softmax

from models import keras_files, multihead
from training import metrics
from training.fit import development
from training.fit.recipes import RECIPES

Float64 = NDArray[np.float64]
WEIGHTS = {"swap": 2}  # of each kind's sets together: a check is asked about deepfakes first
SCALES = (0.05, 3.0)  # of a head's logit
PULL = 0.01  # towards each head's own logit: there are few numbers to learn, and few val people


NETWORKS = {"meso3-full": tuple(multihead.EXPERTS), "meso3": ("small",)}  # of which recipes each is
INPUT_PX = {"meso3-full": multihead.FULL_INPUT_PX, "meso3": RECIPES["small"].input_px}


def heads(name: str, runs: Path) -> keras.Model:
    """The heads of the network `name`, of what legs left in `runs`."""
    trained = {r: keras_files.load(runs / r / f"{RECIPES[r].model}.keras") for r in NETWORKS[name]}
    return multihead.joined(trained) if len(trained) > 1 else next(iter(trained.values()))


def write(name: str, runs: Path, folder: Path) -> list[Path]:
    """Of the networks that legs left in `runs`: verdict/NAME.keras with one logit of all heads, and
    verdict/NAME-evidence.keras, which tells where in a face it sees something foreign."""
    trained, input_px = heads(name, runs), INPUT_PX[name]
    chosen = [*development.sets(folder), development.photos(folder)]
    of_heads = [development.logits(trained, c.pictures, input_px) for c in chosen]
    asked = Counter(c.head for c in chosen)
    shares = [WEIGHTS.get(c.head, 1) / asked[c.head] for c in chosen]
    scale, offset = fit(of_heads, [c.fake for c in chosen], shares)
    print(f"scale {scale.round(3).tolist()}  offset {offset.round(3).tolist()}")
    for one, logits in zip(chosen, of_heads, strict=True):
        together = logsumexp(scale * logits + offset, axis=1)
        if one.fake.any():
            print(f"{one.name:<28} AUC {metrics.auc(one.fake, together):.4f}")
    networks = {
        name: multihead.verdict(trained, scale, offset, input_px, name),
        f"{name}-evidence": multihead.evidence(trained, input_px),
    }
    (runs / "verdict").mkdir(exist_ok=True)
    for file, network in networks.items():
        keras_files.save(network, runs / "verdict" / f"{file}.keras")
    return [runs / "verdict" / f"{file}.keras" for file in networks]


def fit(
    of_heads: Sequence[Any], fake: Sequence[NDArray[np.bool_]], shares: Sequence[float]
) -> tuple[Float64, Float64]:
    """`scale` and `offset` float64 [K], so that log sum exp (scale x logit + offset) over the heads
    is the log odds of a fake, where each set counts as `shares` tell, and its reals as much as its
    fakes. A set may lack one of both.

    `of_heads`: logits [N, K] of each set; `fake` bool [N] of each.
    """
    x = np.concatenate(of_heads).astype(np.float64)
    labels = np.concatenate(fake).astype(np.float64)
    weight = np.concatenate([s * _weights(y) for s, y in zip(shares, fake, strict=True)])
    heads = x.shape[1]
    start = np.concatenate([np.ones(heads), np.full(heads, -np.log(heads))])

    def loss(values: Float64) -> tuple[float, Float64]:
        scaled = values[:heads] * x + values[heads:]
        z = logsumexp(scaled, axis=1)
        wrong = weight * (expit(z) - labels)
        share = softmax(scaled, axis=1) * wrong[:, None]
        slope = np.concatenate([(share * x).sum(axis=0), share.sum(axis=0)])
        away = values - start
        lost = weight @ (np.logaddexp(0, z) - labels * z) + PULL * away @ away
        return float(lost), slope + 2 * PULL * away

    bounds = [SCALES] * heads + [(None, None)] * heads
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found[:heads], found[heads:]


def _weights(fake: NDArray[np.bool_]) -> Float64:
    counts = np.where(fake, fake.sum(), (~fake).sum())
    return np.asarray(1 / counts)
