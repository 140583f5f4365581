"""Several heads become one logit."""

from __future__ import annotations

import numpy as np

from training.fit import combine


def made(head, rng, count=400):
    """Fakes of one kind, which one head sees; the other two see noise."""
    fake = np.arange(count) % 2 == 1
    of_heads = rng.normal(-3, 1, (count, 3))
    of_heads[fake, head] += 6
    return of_heads, fake


def test_a_fake_that_one_head_alone_sees_is_above_the_reals():
    rng = np.random.default_rng(0)
    sets = [made(head, rng) for head in range(3)]
    scale, offset = combine.fit(*zip(*sets, strict=True), [1.0] * len(sets))
    for of_heads, fake in sets:
        z = np.logaddexp.reduce(scale * of_heads + offset, axis=1)
        assert np.mean((z > 0) == fake) > 0.97


def test_a_head_that_guesses_is_hardly_heard():
    rng = np.random.default_rng(1)
    of_heads, fake = made(0, rng)
    of_heads[:, 2] = rng.normal(0, 3, len(fake))
    scale, offset = combine.fit([of_heads], [fake], [1.0])
    assert scale[2] < 0.3 * scale[0]
    assert offset[2] < offset[0]


def test_a_set_of_reals_alone_lowers_the_answer():
    rng = np.random.default_rng(2)
    of_heads, fake = made(0, rng)
    others = rng.normal(-1, 1, (300, 3)), np.zeros(300, bool)
    means = []
    for sets in ([(of_heads, fake)], [(of_heads, fake), others]):
        scale, offset = combine.fit(*zip(*sets, strict=True), [1.0] * len(sets))
        means.append(np.logaddexp.reduce(scale * others[0] + offset, axis=1).mean())
    assert means[1] < means[0] - 0.5
