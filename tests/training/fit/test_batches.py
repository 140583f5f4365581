"""Batches of pairs: what is known of each picture, and that they repeat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.multihead import KINDS, PLACES
from training.fit.batches import APART, Batches, Views, map_labels, shown
from training.fit.examples import Deepfakes, Example, Strangers, changed
from training.fit.losses import UNKNOWN
from training.forgery.augment import Augmentation
from training.forgery.landmarks import SIDE_PX
from training.forgery.media import STILL as AS_IS
from training.forgery.media import Media

NOTHING = Media(
    light=Augmentation(**AS_IS), wear=Augmentation(**AS_IS), screen=0, h264=0, jpeg=0, webp=0
)
STILL = Views(window_px=96, zoomed=0, hidden=0, media=NOTHING)


def noise(seed, low=0, high=256):
    rng = np.random.default_rng(seed)
    return rng.integers(low, high, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)


class Drawn:
    """A source of one kind whose pictures tell which draw they are from."""

    def __init__(self, kind):
        self.kind = kind

    def draw(self, rng):
        real = np.full((SIDE_PX, SIDE_PX, 3), rng.integers(40, 200), np.uint8)
        mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
        mask[96:160, 96:160] = 0.5
        return Example(real, real + np.uint8(20), KINDS.index(self.kind), mask=mask)


@pytest.fixture
def batches():
    mix = ((Drawn("swap"), 2.0), (Drawn("blend"), 5.0), (Drawn("generated"), 1.0))
    return Batches(mix, 8, 3, STILL)


def test_a_batch_follows_from_the_seed_and_the_step(batches):
    steps = batches.steps(0)
    first = [next(steps) for _ in range(3)]
    again = batches.steps(1)
    for (x, labels), (same, others) in zip(first[1:], again, strict=False):
        np.testing.assert_array_equal(x, same)
        for name in labels:
            np.testing.assert_array_equal(labels[name], others[name])
    assert not np.array_equal(first[0][0], first[1][0])


def test_processes_prepare_what_a_thread_does(batches):
    shared = replace(batches, workers=1)
    for (x, labels), (same, others) in zip(shared.steps(3), batches.steps(3), strict=False):
        np.testing.assert_array_equal(x, same)
        np.testing.assert_array_equal(labels["places"], others["places"])
        break


def test_an_echo_shows_the_same_pairs_in_other_windows(batches):
    plain = [batches.batch(step) for step in range(2)]
    twice = replace(batches, echoes=2, views=replace(STILL, hidden=1.0))
    for step in (0, 1):
        (x, labels), (echo, others) = twice.batch(step), twice.batch(APART + step)
        np.testing.assert_array_equal(labels["kinds"], others["kinds"])
        np.testing.assert_array_equal(labels["kinds"], plain[step][1]["kinds"])
        assert not np.array_equal(x, echo), "another part is hidden"
    assert not np.array_equal(twice.batch(2 * APART)[0], twice.batch(0)[0])


def test_what_echoes_can_be_gone_on_with_at_any_step(batches):
    twice = replace(batches, echoes=2)
    for first in (0, APART - 1, APART + 3, 2 * APART - 1):
        for step, (x, labels) in zip(range(first, first + 3), twice.steps(first), strict=False):
            same, others = twice.batch(step)
            np.testing.assert_array_equal(x, same)
            np.testing.assert_array_equal(labels["places"], others["places"])


def test_each_source_gives_what_is_due_to_it(batches):
    _, labels = batches.batch(0)
    assert (labels["kinds"][1::2] > 0.5).sum(axis=0).tolist() == [2, 5, 1]


def test_a_real_is_of_no_kind_and_a_fake_is_known_to_be_of_its_own_alone(batches):
    x, labels = batches.batch(5)
    kinds = labels["kinds"]
    assert x.shape == (16, 96, 96, 3)
    assert (kinds[0::2] == np.float32(0.02)).all()
    assert ((kinds[1::2] == np.float32(0.98)).sum(axis=1) == 1).all()
    assert ((kinds[1::2] == UNKNOWN).sum(axis=1) == len(KINDS) - 1).all()


def test_a_map_is_known_where_the_fake_s_kind_has_one():
    mask = np.zeros((96, 96), np.float32)
    mask[32:64, 32:64] = 0.25
    for kind, name in enumerate(KINDS):
        labels = map_labels(kind, mask, 96)
        assert (labels[0] == 0).all()
        for place, of in enumerate(PLACES):
            if of == name:
                assert labels[1, 2:4, 2:4, place].tolist() == [[1, 1], [1, 1]]
                assert labels[1, ..., place].sum() == 4
            else:
                assert (labels[1, ..., place] == UNKNOWN).all()
    assert (map_labels(0, None, 96)[1] == UNKNOWN).all()


def test_a_pair_and_its_mask_are_cut_alike():
    real = noise(1)
    fake = real.copy()
    fake[100:140, 90:130] = 255 - fake[100:140, 90:130]
    mask = (real != fake).any(axis=2).astype(np.float32)
    views = Views(window_px=160, zoomed=0, hidden=1, media=STILL.media)
    for seed in range(5):
        (one, other), cut = shown(
            Example(real, fake, 0, mask=mask), np.random.default_rng(seed), views
        )
        differs = (one != other).any(axis=2)
        assert one.shape == (160, 160, 3)
        assert not differs[cut == 0].any()


def test_a_window_turns_about_its_middle():
    real = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    real[104:120, 104:120] = 255
    views = Views(window_px=SIDE_PX, zoom=1, zoomed=1, turned_deg=45, hidden=0, media=NOTHING)
    spreads = []
    for seed in range(8):
        (one, _), _ = shown(Example(real, real, 0), np.random.default_rng(seed), views)
        y, x = np.nonzero(one[..., 0] > 127)
        assert abs(y.mean() - 111.5) < 1
        assert abs(x.mean() - 111.5) < 1
        spreads.append(np.ptp(x))
    assert max(spreads) > 19  # the corner of the square
    assert min(spreads) < 18


def test_what_is_hidden_is_the_same_in_both_and_in_no_mask():
    views = Views(window_px=SIDE_PX, zoomed=0, hidden=1, media=NOTHING)
    example = Example(
        noise(1, 0, 100), noise(2, 150, 256), 0, mask=np.ones((SIDE_PX, SIDE_PX), np.float32)
    )
    for seed in range(6):
        (one, other), mask = shown(example, np.random.default_rng(seed), views)
        same = (one == other).all(axis=2)
        assert 0.02 < same.mean() < 0.3
        np.testing.assert_array_equal(mask, 1 - same)


def test_a_deepfake_is_marked_where_it_differs_by_more_than_compression():
    real = np.full((SIDE_PX, SIDE_PX, 3), 120, np.uint8)
    grain = np.random.default_rng(0).integers(-3, 4, real.shape)
    fake = (real + grain).astype(np.uint8)
    fake[80:140, 80:140] += 40
    found = changed(real, fake)
    assert found[95:125, 95:125].min() == 1
    assert found[:50].max() == 0


def test_some_deepfakes_are_mixed_with_their_real_and_labelled_by_the_share(tmp_path):
    from tests.training.pictures import write_data
    from training.data import crops

    read = crops.read(write_data(tmp_path) / "dfdc224-train.tar")
    mixed, plain = Deepfakes(read, mixed=1), Deepfakes(read, mixed=0)
    shares = []
    for seed in range(20):
        one, whole = (s.draw(np.random.default_rng((seed, 1))) for s in (mixed, plain))
        assert whole.share == 1
        shares.append(one.share)
        np.testing.assert_allclose(one.labels(0)[1, 0], one.share, atol=1e-6)
    assert 0 <= min(shares) < 0.3
    assert 0.7 < max(shares) <= 1


def test_of_some_deepfakes_a_part_alone_is_false(tmp_path):
    from tests.training.pictures import write_data
    from training.data import crops

    read = crops.read(write_data(tmp_path) / "dfdc224-train.tar")
    partial, whole = Deepfakes(read, 0, partial=1), Deepfakes(read, 0)
    shares = []
    for seed in range(12):
        one, all_of_it = (s.draw(np.random.default_rng((seed, 1))) for s in (partial, whole))
        assert one.share == 1
        shares.append(one.mask.sum() / all_of_it.mask.sum())
        untouched = (one.mask == 0) & (all_of_it.mask == 1)
        assert (one.fake == one.real)[untouched].all()
    assert min(shares) > partial.least - 0.01
    assert min(shares) < 0.8


def test_strangers_are_a_real_and_a_fake_of_one_collection(tmp_path):
    from tests.training.pictures import write_data
    from training.data import crops

    read = crops.read(write_data(tmp_path) / "dfdc224-train.tar")
    drawn = Strangers(read, "generated").draw(np.random.default_rng(0))
    assert KINDS[drawn.kind] == "generated"
    assert drawn.mask is None
    assert drawn.real.shape == drawn.fake.shape == (SIDE_PX, SIDE_PX, 3)
