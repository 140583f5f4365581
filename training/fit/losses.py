"""What a multi-head network is trained to lower: losses of labels and logits, each one number.

Labels are 0..1, UNKNOWN where a picture has nothing to teach a head: a deepfake of DFDC is neither
an example nor a counterexample of blending. Batches hold pairs: a real in each even row, and below
it a fake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

UNKNOWN = -1.0


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each part of the loss counts."""

    margin: float = 0.2  # of a fake's logit over that of its real
    worst: float = 0.25  # of the reals that look most like fakes: false alarms come from those
    worst_share: float = 0.3
    places: float = 0.5


def kinds_loss(weights: Weights) -> Any:
    """A loss of labels and logits [2P, K] of K heads."""

    def loss(labels: Any, logits: Any) -> Any:
        known = ops.cast(labels >= 0, logits.dtype)
        each = _cross_entropy(labels, logits) * known
        mean = ops.sum(each) / ops.maximum(ops.sum(known), 1.0)
        reals = ops.reshape(ops.transpose(each[0::2]), (-1,))
        count = int(weights.worst_share * reals.shape[0])
        worst = ops.mean(ops.top_k(reals, max(1, count))[0])
        return mean + weights.worst * worst + weights.margin * _margin(labels, logits)

    return loss


def places_loss(weights: Weights) -> Any:
    """A loss of labels and logits [2P, H, W, K] of K maps: each map's known places count alike."""

    def loss(labels: Any, logits: Any) -> Any:
        known = ops.cast(labels >= 0, logits.dtype)
        each = ops.sum(_cross_entropy(labels, logits) * known, axis=(0, 1, 2))
        return weights.places * ops.sum(each / ops.maximum(ops.sum(known, axis=(0, 1, 2)), 1.0))

    return loss


def _cross_entropy(labels: Any, logits: Any) -> Any:
    return ops.softplus(logits) - ops.maximum(labels, 0.0) * logits


def _margin(labels: Any, logits: Any) -> Any:
    """How far each fake stays below its real plus one, on the heads whose kind the fake is of."""
    fake = ops.cast(labels[1::2] > 0.5, logits.dtype)
    short = ops.softplus(1.0 - (logits[1::2] - logits[0::2]))
    return ops.sum(short * fake) / ops.maximum(ops.sum(fake), 1.0)
