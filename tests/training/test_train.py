"""A few steps on generated pictures: an interrupted run ends where it would have."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.pictures import write_data

# Keras saves through numpy's older array interface; numpy 2 warns about it.
KERAS_SAVES = "ignore:__array__ implementation:DeprecationWarning"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # a machine shared with other work takes minutes over the graphs
    pytest.mark.filterwarnings(KERAS_SAVES),
]


@pytest.fixture
def config(monkeypatch, tmp_path):
    from training import train

    monkeypatch.setattr(train, "RESULTS", tmp_path / "runs.csv")
    return train.Config(
        input_px=32, epochs=2, pairs_per_batch=4, imagenet=False, train_norm=True, seed=3
    )


def weights(path):
    from convert import classifier

    return classifier.load(path).get_weights()


def test_a_resumed_run_gives_the_weights_of_an_uninterrupted_one(config, tmp_path):
    from training import train as module

    data = write_data(tmp_path)
    whole = weights(module.train(config, tmp_path / "whole", data))

    save = module._Run.save

    def save_and_stop(run, epoch, folder):
        save(run, epoch, folder)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._Run, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            module.train(config, tmp_path / "halves", data)
    resumed = weights(module.train(config, tmp_path / "halves", data, resume=True))
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_batches_hold_pairs_and_repeat_with_the_seed(config, tmp_path):
    from training import crops
    from training.train import batches

    read = crops.read(write_data(tmp_path) / "dfdc224-train.tar")
    first, again = (list(batches(read, config, epoch=0)) for _ in range(2))
    assert len(first) == 4
    for (x, y), (same, _) in zip(first, again, strict=True):
        np.testing.assert_array_equal(x, same)
        assert x.shape == (8, 32, 32, 3)
        assert y[:, 0].tolist() == [0, 1] * 4
    other = next(iter(batches(read, config, epoch=1)))[0]
    assert not np.array_equal(first[0][0], other)


def test_the_learning_rate_goes_up_once_and_down_to_nothing(config):
    from training.train import learning_rate

    rates = [learning_rate(step, 100, config) for step in range(100)]
    peak = int(np.argmax(rates))
    assert peak == pytest.approx(100 * config.warmup, abs=2)
    assert max(rates) == pytest.approx(config.learning_rate)
    assert (np.diff(rates[: peak + 1]) >= 0).all()
    assert (np.diff(rates[peak:]) <= 0).all()
    assert rates[-1] < config.learning_rate * 0.01
