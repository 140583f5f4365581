"""A few steps on generated pictures: a run that was stopped ends where it would have."""

from __future__ import annotations

import os
import signal
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from tests.training.pictures import write_data

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # a machine shared with other work takes minutes over the graphs
    # Keras saves through numpy's older array interface; numpy 2 warns about it.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def config(monkeypatch, tmp_path, tiny_known):
    from training import train
    from training.recipes import Config

    monkeypatch.setattr(train, "RESULTS", tmp_path / "runs.csv")
    return Config(
        model=tiny_known,
        input_px=32,
        start="",
        train_norm=True,
        epochs=3,
        pairs_per_batch=4,
        schedule="constant",
        checkpoint_steps=5,
        seed=3,
    )


def weights(path):
    from convert import classifier

    return classifier.load(path).get_weights()


def test_a_run_stopped_within_an_epoch_and_resumed_gives_the_weights_of_one_that_was_not(
    config, tmp_path, monkeypatch
):
    from training import train as module

    data = write_data(tmp_path)
    folders = [tmp_path / "whole", tmp_path / "stopped"]
    whole = weights(module.train(config, folders[0], data))

    average = module.Run._average

    def stop_at_seven(run):
        average(run)
        if run.step == 6:  # counted from 0
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(module.Run, "_average", stop_at_seven)
        module.train(config, folders[1], data)
    steps = [
        [line.split(",")[0] for line in (folder / "checkpoints.csv").read_text().splitlines()]
        for folder in folders
    ]
    assert steps == [["step", "5", "10", "12"], ["step", "5", "7"]]
    resumed = weights(module.train(config, folders[1], data, resume=True))
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.fixture
def interruptible():
    """Ctrl-C raises: a shell that starts the tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_first_ctrl_c_waits_for_a_checkpoint_and_the_second_does_not():
    from training.fit.interrupt import told_to_stop

    with told_to_stop() as told:
        os.kill(os.getpid(), signal.SIGINT)
        assert told == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_may_be_cooled_down_from_where_it_is(config, tmp_path):
    from training import train as module

    data = write_data(tmp_path)
    folder = tmp_path / "run"
    path = module.train(config, folder, data)
    with pytest.raises(ValueError, match="all its 12 steps"):
        module.train(config, folder, data, resume=True)
    before = weights(path)
    module.train(config, folder, data, resume=True, cooldown=3)
    assert (folder / "checkpoints.csv").read_text().splitlines()[-1].startswith("15,")
    assert not all(np.array_equal(a, b) for a, b in zip(before, weights(path), strict=True))


def test_a_part_that_cannot_be_measured_is_named_before_training(config, tmp_path):
    from training import train as module

    data = write_data(tmp_path)
    reals_only(data / "dfdc224-val.tar")
    with pytest.raises(ValueError, match=r"the val part of .* holds 8 reals and no fakes"):
        module.train(config, tmp_path / "run", data)
    write_data(tmp_path)
    reals_only(data / "dfdc224-train.tar")
    with pytest.raises(ValueError, match=r"the train part of .* holds 16 reals and no fakes"):
        module.train(config, tmp_path / "run", data)
    assert not (tmp_path / "run").exists()


def reals_only(path):
    with tarfile.open(path) as tar:
        members = [(m, tar.extractfile(m)) for m in tar if m.name.startswith("real/")]
        with tarfile.open(path.with_suffix(".part"), "w") as reals:
            for member, content in members:
                reals.addfile(member, content)
    path.with_suffix(".part").replace(path)


def test_what_cannot_be_gone_on_from_is_named(config, tmp_path):
    from training import train as module

    data, folder = write_data(tmp_path), tmp_path / "run"
    with pytest.raises(FileNotFoundError, match=r"no checkpoint\.npz to go on from"):
        module.train(config, folder, data, resume=True)
    folder.mkdir()
    for content in (b"", b"PK\x03\x04 cut", b"text"):
        (folder / "checkpoint.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"checkpoint\.npz is damaged, or of another network"):
            module.train(config, folder, data, resume=True)
    np.savez(folder / "checkpoint.npz", step=5, minutes=0.1, cooldown=0, averaged0=np.zeros(3))
    with pytest.raises(ValueError, match="another network than tiny"):
        module.train(config, folder, data, resume=True)


def test_a_full_disk_leaves_the_last_checkpoint_whole(config, tmp_path):
    from training import train as module
    from training.__main__ import _sentence

    data, folder = write_data(tmp_path), tmp_path / "run"
    before = weights(module.train(replace(config, epochs=1), folder, data))
    for part in (folder / "tiny.part.keras", folder / "checkpoint.part.npz"):
        part.symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left") as full:
            module.train(config, folder, data, resume=True)
        assert "the disk is full" in _sentence(full.value)
        part.unlink()
        for one, other in zip(before, weights(folder / "tiny.keras"), strict=True):
            np.testing.assert_array_equal(one, other)
    after = weights(module.train(config, folder, data, resume=True))
    assert not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_batches_hold_pairs_and_repeat_with_the_seed_from_any_step(tmp_path):
    from training.data import crops
    from training.feed import Feed

    read = crops.read(write_data(tmp_path) / "dfdc224-train.tar")
    feed = Feed(read, input_px=32, pairs_per_batch=4, seed=3)
    assert feed.steps_per_epoch == 4
    first, again = (list(feed.batches(0, 6)) for _ in range(2))
    assert len(first) == 6
    for (x, y), (same, _) in zip(first, again, strict=True):
        np.testing.assert_array_equal(x, same)
        assert x.shape == (8, 32, 32, 3)
        assert y[:, 0].tolist() == [0, 1] * 4
    for (x, _), (same, _) in zip(first[3:], feed.batches(3, 6), strict=True):
        np.testing.assert_array_equal(x, same)
    assert not np.array_equal(first[0][0], first[4][0])  # the next epoch
    with pytest.raises(ValueError, match="too few"):
        Feed(read, input_px=32, pairs_per_batch=17, seed=3)


def test_half_of_each_label_is_what_the_teacher_says_of_the_same_pictures(tmp_path):
    from models.preprocess import resize, to_input
    from training.data import crops
    from training.feed import Feed

    seen = []

    def teacher(pictures):
        seen.append(pictures)
        return np.linspace(0, 0.7, len(pictures), dtype=np.float32)[:, None]

    read = crops.read(write_data(tmp_path) / "dfdc224-train.tar")
    plain = Feed(read, input_px=32, pairs_per_batch=4, seed=3)
    taught = Feed(read, input_px=32, pairs_per_batch=4, seed=3, teacher=teacher)
    (x, _), (same, y) = next(plain.batches(0, 1)), next(taught.batches(0, 1))
    np.testing.assert_array_equal(x, same)
    np.testing.assert_array_equal(x, to_input(np.stack([resize(p, 32) for p in seen[0]])))
    np.testing.assert_allclose(y[:, 0], [0, 0.55, 0.1, 0.65, 0.2, 0.75, 0.3, 0.85], atol=1e-6)


def test_a_network_learns_from_another(config, tmp_path):
    from training import train as module

    data = write_data(tmp_path)
    teacher = module.train(config, tmp_path / "teacher", data)
    taught = replace(config, teacher=str(teacher))
    before = weights(teacher)
    after = weights(module.train(taught, tmp_path / "taught", data))
    assert not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_cycle_goes_up_once_and_down_to_nothing():
    from training.schedule import Plan

    plan = Plan("cycle", peak=1e-3, warm=10, stop=100)
    rates = [plan.rate(step) for step in range(100)]
    assert int(np.argmax(rates)) == pytest.approx(10, abs=2)
    assert max(rates) == pytest.approx(1e-3)
    assert (np.diff(rates[:10]) >= 0).all()
    assert (np.diff(rates[10:]) <= 0).all()
    assert rates[-1] < 1e-5
    with pytest.raises(ValueError, match="comes down by itself"):
        plan.cooled(50, 10)


def test_a_constant_rate_stays_until_it_is_cooled_down():
    from training.schedule import Plan

    plan = Plan("constant", peak=1e-3, warm=10, stop=100)
    assert {plan.rate(step) for step in range(10, 100)} == {1e-3}
    cooled = plan.cooled(40, 20)
    assert cooled.stop == 60
    assert cooled.rate(40) == pytest.approx(1e-3, rel=0.06)
    falling = [cooled.rate(step) for step in range(39, 60)]
    assert (np.diff(falling) < 0).all()
    assert 0 < falling[-1] < 6e-5
    with pytest.raises(ValueError, match="no schedule"):
        Plan("wavy", 1e-3, 1, 2)


def test_a_run_with_a_new_column_keeps_the_table_whole(tmp_path):
    from training.data import tables

    table = tmp_path / "runs.csv"
    tables.append(table, {"model": "a", "steps": 1})
    tables.append(table, {"model": "b", "frozen": "stem", "steps": 2})
    assert table.read_text().splitlines() == ["model,frozen,steps", "a,,1", "b,stem,2"]
