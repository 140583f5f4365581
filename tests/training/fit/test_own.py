"""Training on data of one's own: a few steps on generated pictures."""

from __future__ import annotations

import os
import signal
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from convert import bootstrap
from tests.training.pictures import write_data

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # a machine shared with other work takes minutes over the graphs
    # Keras saves through numpy's older array interface; numpy 2 warns about it.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def own(monkeypatch, tmp_path):
    from training.fit import own

    monkeypatch.setattr(own, "RESULTS", tmp_path / "runs.csv")
    monkeypatch.setattr(bootstrap, "DRAWS", 50)
    return own


@pytest.fixture
def plan(own, tiny_start):
    return own.Plan("mine", epochs=3, start=tiny_start)


def weights(path):
    from models import keras_files

    return keras_files.load(path).get_weights()


def test_a_run_that_was_stopped_and_resumed_gives_the_weights_of_one_that_was_not(
    own, plan, tiny_recipe, tmp_path, monkeypatch
):
    data, folders = write_data(tmp_path), [tmp_path / "whole", tmp_path / "stopped"]
    whole = weights(own.train(tiny_recipe, plan, folders[0], data))
    from training.fit.run import ByKeras

    step, taken = ByKeras.__call__, []

    def stop_at_seven(*batch):
        step(*batch)
        taken.append(batch)
        if len(taken) == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(ByKeras, "__call__", stop_at_seven)
        own.train(tiny_recipe, plan, folders[1], data)
    steps = [
        [line.split(",")[0] for line in (folder / "checkpoints.csv").read_text().splitlines()]
        for folder in folders
    ]
    assert steps == [["step", "4", "8", "12"], ["step", "4", "7"]]
    resumed = weights(own.train(tiny_recipe, plan, folders[1], data, resume=True))
    for one, other in zip(whole, resumed, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    recorded = (tmp_path / "runs.csv").read_text().splitlines()
    assert len(recorded) == 4
    with pytest.raises(ValueError, match="all its 12 steps"):
        own.train(tiny_recipe, plan, folders[1], data, resume=True)
    own.train(tiny_recipe, replace(plan, cooldown=3), folders[1], data, resume=True)
    assert (folders[1] / "checkpoints.csv").read_text().splitlines()[-1].startswith("15,")


def test_fakes_without_reals_of_their_own_are_learned_from_too(own, tmp_path):
    from training.data import crops
    from training.fit.examples import Deepfakes, Strangers

    read = crops.read(write_data(tmp_path) / "dfdc224-train.tar")
    assert isinstance(own.source(read), Deepfakes)
    (tmp_path / "manifest.csv").unlink()
    read = crops.read(tmp_path / "dfdc224-train.tar")
    drawn = own.source(read)
    assert isinstance(drawn, Strangers)
    labels = drawn.draw(np.random.default_rng(0)).labels(smoothing=0)
    assert labels[:, own.KIND].tolist() == [0, 1]


def test_what_cannot_be_trained_on_is_named_before_training(own, plan, tiny_recipe, tmp_path):
    data, out = write_data(tmp_path), tmp_path / "run"
    with pytest.raises(FileNotFoundError, match=r"no checkpoint\.npz to go on from"):
        own.train(tiny_recipe, plan, out, data, resume=True)
    reals_only(data / "dfdc224-val.tar")
    with pytest.raises(ValueError, match=r"the val part of .* holds 8 reals and no fakes"):
        own.train(tiny_recipe, plan, out, data)
    write_data(tmp_path)
    reals_only(data / "dfdc224-train.tar")
    with pytest.raises(ValueError, match=r"the train part of .* holds 16 reals and no fakes"):
        own.train(tiny_recipe, plan, out, data)
    assert not out.exists()


def test_faults_of_the_data_are_told_before_a_recipe_that_is_not_there(tmp_path, capsys):
    """Data takes longer to mend than a word."""
    from training.__main__ import main

    data = write_data(tmp_path)
    command = ["--data", str(data), "train", "--recipe", "meso9", "--out", str(tmp_path / "run")]
    assert main(command) == 1
    assert capsys.readouterr().err.startswith("error: no recipe called meso9; known: meso3, ")
    reals_only(data / "dfdc224-val.tar")
    assert main(command) == 1
    assert capsys.readouterr().err.startswith("error: the val part of ")
    assert not (tmp_path / "run").exists()


def reals_only(path):
    with tarfile.open(path) as tar:
        members = [(m, tar.extractfile(m)) for m in tar if m.name.startswith("real/")]
        with tarfile.open(path.with_suffix(".part"), "w") as reals:
            for member, content in members:
                reals.addfile(member, content)
    path.with_suffix(".part").replace(path)


def test_a_full_disk_leaves_the_last_checkpoint_whole(own, plan, tiny_recipe, tmp_path):
    from training.__main__ import _sentence

    data, out = write_data(tmp_path), tmp_path / "run"
    before = weights(own.train(tiny_recipe, replace(plan, epochs=1), out, data))
    for part in (out / "mine.part.keras", out / "part-checkpoint.npz"):
        part.symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left") as full:
            own.train(tiny_recipe, plan, out, data, resume=True)
        assert "the disk is full" in _sentence(full.value)
        part.unlink()
        for one, other in zip(before, weights(out / "mine.keras"), strict=True):
            np.testing.assert_array_equal(one, other)
    after = weights(own.train(tiny_recipe, plan, out, data, resume=True))
    assert not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
