"""Legs of a run: stopped and resumed, and taught by another network."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import keras
import numpy as np
import pytest

from training.fit.run import CHECKPOINT, Optimisation, Run
from training.fit.teacher import Taught, mixed, quantised

HOW = Optimisation(learning_rate=1e-3, warm=2)


class Fixed:
    """Batches of noise at 32 px that follow from the step."""

    side_px = 32

    def steps(self, first):
        step = first
        while True:
            rng = np.random.default_rng(step)
            side = self.side_px
            x = rng.uniform(-1, 1, (4, side, side, 3)).astype(np.float32)
            kinds = np.tile(np.array([[0.02] * 3, [0.98, -1, -1]], np.float32), (2, 1))
            places = np.zeros((4, side // 16, side // 16, 2), np.float32)
            yield x, {"kinds": kinds, "places": places}
            step += 1


def trained(run, stop):
    run.advance(Fixed(), lambda: run.step >= stop, lambda: 1.0)
    return run


def test_a_leg_goes_on_where_the_last_one_stopped(tmp_path):
    keras.utils.set_random_seed(1)
    whole = trained(Run("small", HOW), 4)
    keras.utils.set_random_seed(1)
    trained(Run("small", HOW), 2).save(tmp_path)
    second = Run("small", HOW)
    assert second.resume(tmp_path)
    assert second.step == 2
    trained(second, 4)
    # The second leg's rate does not rise anew, as the optimiser came along.
    for one, other in zip(whole.averaged, second.averaged, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_loss_falls_and_the_averaged_network_is_another_than_the_last():
    run = Run("small", HOW)
    first = run.advance(Fixed(), lambda: run.step >= 3, lambda: 1.0)
    last = run.advance(Fixed(), lambda: run.step >= 12, lambda: 1.0)
    assert last["loss"] < first["loss"]
    assert not np.allclose(run.network().get_weights()[0], run.model.get_weights()[0])


def test_half_precision_trains_a_network_that_is_kept_in_single():
    run = Run("small", replace(HOW, policy="mixed_bfloat16"))
    assert run.model.get_layer("stem").compute_dtype == "bfloat16"
    assert run.model.get_layer("places").compute_dtype == "float32"
    first = run.advance(Fixed(), lambda: run.step >= 3, lambda: 1.0)
    last = run.advance(Fixed(), lambda: run.step >= 12, lambda: 1.0)
    assert last["loss"] < first["loss"]
    assert run.network().get_layer("stem").compute_dtype == "float32"


def test_without_a_rate_nothing_is_learned():
    run = Run("small", HOW)
    before = [w.copy() for w in run.model.get_weights()]
    run.advance(Fixed(), lambda: True, lambda: 0.0)
    for one, other in zip(before, run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("content", [b"", b"text", b"PK no archive", b"PK\x03\x04 cut"])
def test_a_damaged_checkpoint_is_named(content, tmp_path):
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(ValueError, match=CHECKPOINT):
        Run("small", HOW).resume(tmp_path)


def test_a_student_sees_the_same_windows_smaller_and_is_told_what_the_teacher_sees():
    class Large(Fixed):
        side_px = 64

    def teacher(x):
        return {"kinds": np.full((4, 3), 2.0), "places": np.full((4, 4, 4, 2), -2.0)}

    x, labels = next(Taught(Large(), teacher, 32).steps(0))
    large, plain = next(Large().steps(0))
    assert x.shape == (4, 32, 32, 3)
    np.testing.assert_allclose(x[0], large[0].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3)), atol=1e-5)
    high = 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(labels["kinds"][1], [(0.98 + high) / 2, high, high], rtol=1e-5)
    np.testing.assert_allclose(labels["places"], (1 - high) / 2, rtol=1e-5)
    assert labels["places"].shape == (4, 2, 2, 2)
    np.testing.assert_array_equal(mixed(plain["kinds"], plain["kinds"])[0], plain["kinds"][0])


def test_a_teacher_in_int8_answers_as_in_float():
    network = trained(Run("small", HOW), 30).network()
    samples = [x for x, _ in islice(Fixed().steps(0), 8)]
    answers, expected = quantised(network, samples)(samples[3]), network.predict(samples[3])
    for name in ("kinds", "places"):
        assert answers[name].shape == expected[name].shape
        np.testing.assert_allclose(answers[name], expected[name], atol=0.1 * np.ptp(expected[name]))
