"""A label that a small change of the picture turns round is not given."""

from __future__ import annotations

import numpy as np
import pytest

from server.analysis.records import TrackScores
from server.analysis.scoring import Scorer
from server.analysis.stability import CHANGES, MOST_CROPS, is_stable, shifted
from server.analysis.verdict import judge
from tests.server.test_verdict import RULES, track

SIDE = 48


@pytest.fixture
def crops(astronaut: np.ndarray) -> np.ndarray:
    """Twelve different cuts of a face, uint8 [12, SIDE, SIDE, 3]."""
    return np.stack([astronaut[80 + i : 80 + i + SIDE, 190 : 190 + SIDE] for i in range(12)])


def fine_detail(crops: np.ndarray) -> np.ndarray:
    """How much pixels differ from their neighbours, float [K]: what a re-encode takes away."""
    return np.abs(np.diff(crops.astype(np.float32), axis=1)).mean(axis=(1, 2, 3))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_small_and_keeps_the_shape(change, crops: np.ndarray) -> None:
    changed = change(crops[0])
    assert changed.shape == crops[0].shape
    assert changed.dtype == np.uint8
    moved = np.abs(changed.astype(int) - crops[0]).mean()
    assert 0 < moved < 15
    assert np.array_equal(changed, change(crops[0]))


def test_a_shift_moves_the_picture() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
    assert np.array_equal(shifted(rgb)[3:, 3:], rgb[:-3, :-3])


@pytest.mark.parametrize("fake", [True, False])
def test_a_label_that_survives_stands(crops: np.ndarray, fake: bool) -> None:
    p_fake = np.full(12, 0.98 if fake else 0.02, np.float32)
    answer = judge(track(12), TrackScores(1, p_fake), RULES, lambda changed: p_fake[: len(changed)])
    assert (answer.label, answer.reasons) == ("fake" if fake else "real", ())


@pytest.mark.parametrize("fake", [True, False])
@pytest.mark.parametrize("turned", range(len(CHANGES)))
def test_one_change_that_turns_it_round_is_enough(fake: bool, turned: int) -> None:
    p_fake = np.full(12, 0.98 if fake else 0.02, np.float32)
    asked: list[int] = []

    def score(changed: np.ndarray) -> np.ndarray:
        asked.append(len(changed))
        same = p_fake[: len(changed)]
        return 1 - same if len(asked) == turned + 1 else same

    answer = judge(track(12), TrackScores(1, p_fake), RULES, score)
    assert (answer.label, answer.reasons) == ("inconclusive", ("unstable",))
    assert answer.p_fake == pytest.approx(p_fake[0], abs=0.01)
    assert asked == [MOST_CROPS] * (turned + 1)


def test_what_is_not_certain_is_not_tried() -> None:
    def score(_: np.ndarray) -> np.ndarray:
        raise AssertionError("costs time for nothing")

    p_fake = np.full(12, 0.5, np.float32)
    assert judge(track(12), TrackScores(1, p_fake), RULES, score).reasons == ("not-certain",)


def test_noise_alone_does_not_carry_a_label(crops: np.ndarray) -> None:
    """A real change on real pixels: grain that a JPEG and a smaller size smooth away."""
    grain = np.random.default_rng(0).normal(0, 6, crops.shape)
    grainy = np.clip(crops + grain, 0, 255).astype(np.uint8)
    least = 0.95 * fine_detail(grainy).min()

    def by_grain(pictures: np.ndarray) -> np.ndarray:
        return np.where(fine_detail(pictures) > least, 0.98, 0.02).astype(np.float32)

    def by_light(pictures: np.ndarray) -> np.ndarray:
        return np.where(pictures.mean(axis=(1, 2, 3)) > 20, 0.98, 0.02).astype(np.float32)

    best = np.ones(12, np.float32)
    assert (by_grain(grainy) > 0.9).all()
    assert not is_stable(grainy, by_grain(grainy), best, True, by_grain)
    assert is_stable(grainy, by_light(grainy), best, True, by_light)


@pytest.mark.data
def test_few_labels_of_the_served_network_hang_on_a_pixel(shared_data) -> None:
    """Single crops, so an upper bound: a face of a video has up to 24."""
    from training.data import crops as data

    scorer = Scorer("meso3")
    val = data.read(shared_data / "dfdc224-val.tar")
    drawn = np.random.default_rng(0).permutation(len(val))[:200]
    pictures = np.stack([data.decode(val.images[i]) for i in drawn])
    p_fake = scorer.p_fake(pictures)
    called = (p_fake >= scorer.calibration.fake_at) | (p_fake <= scorer.calibration.real_at)
    one = np.ones(1, np.float32)
    kept = [
        is_stable(pictures[i : i + 1], p_fake[i : i + 1], one, bool(p_fake[i] > 0.5), scorer.p_fake)
        for i in np.flatnonzero(called)
    ]
    assert np.mean(kept) > 0.9
