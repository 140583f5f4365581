"""What holds for a fake of every kind, and for the draw."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from training.data.crops import SIDE_PX
from training.forgery.kinds import BLENDED, GENERATED, KINDS, draw

SEEDS = range(8)
every_kind = pytest.mark.parametrize("name", KINDS)


def made(faces, name, seed):
    return KINDS[name].make(faces, seed % len(faces), np.random.default_rng(seed))


@every_kind
def test_pictures_and_masks_have_their_shape_and_range(faces, name):
    for seed in SEEDS:
        pair = made(faces, name, seed)
        assert pair.real.shape == pair.fake.shape == (SIDE_PX, SIDE_PX, 3)
        assert pair.real.dtype == pair.fake.dtype == np.uint8
        assert pair.mask.shape == (SIDE_PX, SIDE_PX)
        assert pair.mask.dtype == np.float32
        assert 0 <= pair.mask.min() <= pair.mask.max() <= 1


@every_kind
def test_outside_the_mask_the_fake_is_its_real(faces, name):
    for seed in SEEDS:
        pair = made(faces, name, seed)
        outside = pair.mask == 0
        assert np.array_equal(pair.fake[outside], pair.real[outside])
        assert outside.any() != KINDS[name].whole
        assert not np.array_equal(pair.fake, pair.real)


@every_kind
def test_a_seed_repeats_its_pair(faces, name):
    one, again, *others = (made(faces, name, seed) for seed in (4, 4, *range(6, 20, 2)))
    for field in ("real", "fake", "mask"):
        assert np.array_equal(getattr(one, field), getattr(again, field))
    assert any(not np.array_equal(one.fake, other.fake) for other in others)


def test_a_kind_that_is_held_out_is_never_drawn(faces):
    rng = np.random.default_rng(1)
    names = {draw(faces, rng, KINDS, without=["self-blend"])[0] for _ in range(60)}
    assert names == KINDS.keys() - {"self-blend"}


def test_blended_and_generated_kinds_are_drawn_apart_and_by_weight(faces):
    rng = np.random.default_rng(2)
    drawn = Counter(draw(faces, rng)[0] for _ in range(150))
    assert drawn.keys() == set(BLENDED)
    assert drawn["self-blend"] == max(drawn.values())
    assert {draw(faces, rng, GENERATED)[0] for _ in range(3)} <= set(GENERATED)
    assert not set(BLENDED) & set(GENERATED)


def test_unknown_kinds_and_none_at_all_are_refused(faces):
    rng = np.random.default_rng(3)
    with pytest.raises(ValueError, match="no kind is called puppet"):
        draw(faces, rng, without=["puppet"])
    with pytest.raises(ValueError, match="no kind of fakes is left"):
        draw(faces, rng, ["self-blend"], without=["self-blend"])
