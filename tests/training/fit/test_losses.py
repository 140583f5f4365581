"""The losses beside the same sums in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from training.fit.losses import UNKNOWN, Weights, kinds_loss, places_loss

RNG = np.random.default_rng(0)


def softplus(x):
    return np.logaddexp(0, x)


def labels_of(pairs):
    labels = np.full((2 * pairs, 3), UNKNOWN, np.float32)
    labels[0::2] = 0.02
    labels[np.arange(1, 2 * pairs, 2), np.arange(pairs) % 3] = 0.98
    return labels


def test_a_head_is_asked_only_what_is_known():
    labels, logits = labels_of(6), RNG.normal(size=(12, 3)).astype(np.float32)
    plain = kinds_loss(Weights(margin=0, worst=0))
    known = labels >= 0
    each = softplus(logits) - labels * logits
    assert float(plain(labels, logits)) == pytest.approx(each[known].mean(), rel=1e-5)
    changed = np.where(known, logits, logits + 100).astype(np.float32)
    assert float(plain(labels, changed)) == pytest.approx(float(plain(labels, logits)))


def test_the_reals_that_look_most_like_fakes_count_again():
    labels, logits = labels_of(5), RNG.normal(size=(10, 3)).astype(np.float32)
    both = [
        float(kinds_loss(Weights(margin=0, worst=w, worst_share=0.2))(labels, logits))
        for w in (0, 0.5)
    ]
    reals = np.sort((softplus(logits) - labels * logits)[0::2].ravel())[::-1]
    assert both[1] - both[0] == pytest.approx(0.5 * reals[:3].mean(), rel=1e-4)


def test_a_fake_should_stand_above_its_own_real_on_its_own_head():
    labels, logits = labels_of(3), np.zeros((6, 3), np.float32)
    margin = kinds_loss(Weights(margin=1, worst=0))
    base = float(margin(labels, logits))
    for pair in range(3):
        for head in range(3):
            higher = logits.copy()
            higher[2 * pair, head] = 1  # the real, as high as its fake was to be
            rise = float(margin(labels, higher)) - base
            expected = (softplus(2.0) - softplus(1.0)) / 3 if head == pair else 0
            cross_entropy = (softplus(1.0) - softplus(0.0) - 0.02) / 12
            assert rise == pytest.approx(expected + cross_entropy, abs=1e-5)


def test_each_map_counts_alike_however_many_of_its_places_are_known():
    labels = np.full((4, 2, 2, 2), UNKNOWN, np.float32)
    labels[0::2] = 0
    labels[1, ..., 0] = 1
    logits = RNG.normal(size=labels.shape).astype(np.float32)
    each, known = softplus(logits) - np.maximum(labels, 0) * logits, labels >= 0
    expected = sum(each[..., k][known[..., k]].mean() for k in range(2))
    assert float(places_loss(Weights(places=1))(labels, logits)) == pytest.approx(
        expected, rel=1e-5
    )
