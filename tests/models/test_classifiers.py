"""The classifiers that are served: the registered files, their polarity, their cards."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

import numpy as np
import pytest

from models import registry
from server.analysis.runtimes.tflite import TfliteRuntime

TRAINED = ("meso3", "meso3-full")


@pytest.fixture(scope="module", params=TRAINED)
def spec(request):
    return registry.spec(request.param)


def test_every_file_is_the_registered_one(spec):
    for variant, entry in spec.files.items():
        assert spec.file(variant) == entry.path
        assert hashlib.sha256(entry.path.read_bytes()).hexdigest() == entry.sha256
    assert {"keras", spec.serve} <= spec.files.keys()


def test_of_meso3_every_precision_is_there():
    precisions = {"keras", "float32", "float16", "dynamic", "int8"}
    assert registry.spec("meso3").files.keys() == precisions


def test_all_weights_together_stay_small():
    assert sum(path.stat().st_size for path in registry.WEIGHTS.iterdir()) < 40_000_000


def test_a_changed_file_is_refused(spec, tmp_path):
    path = tmp_path / f"{spec.name}.tflite"
    path.write_bytes(spec.file().read_bytes()[:-1] + b"x")
    with pytest.raises(registry.RegistryError, match="not the registered file"):
        registry._check(path, spec.files[spec.serve].sha256)


def test_floats_go_in_and_out_whatever_the_batch(spec):
    runtime = TfliteRuntime(spec.file())
    crops = np.random.default_rng(0).uniform(-1, 1, (5, spec.input_px, spec.input_px, 3))
    together = runtime.run(crops.astype(np.float32))
    assert together.dtype == np.float32
    assert together.shape == (5, 1)
    alone = np.concatenate([runtime.run(crops[i : i + 1].astype(np.float32)) for i in range(5)])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_thresholds_leave_room_for_doubt(spec):
    calibration = spec.calibration
    assert calibration is not None
    assert calibration.scale > 0
    assert 0 < calibration.real_at < calibration.fake_at < 1


def test_the_card_agrees_with_the_registry(spec):
    from training.card.text import render

    command = f"python -m training report {spec.name}"
    assert spec.card.read_text() == render(spec.name), f"run: {command}"
    assert spec.files[spec.serve].sha256 in spec.card.read_text()


def test_the_rates_are_those_of_the_card(spec):
    from training.card.report import rates
    from training.card.text import read

    measured = read(spec.name)
    assert asdict(spec.rates) == rates(measured["parts"])


def test_no_file_was_measured_past_its_tolerance(spec):
    from convert.verify import TOLERANCES
    from training.card.text import read

    measured = read(spec.name)["variants"]
    for variant in spec.files.keys() & TOLERANCES.keys():
        most = TOLERANCES[variant].max_dp
        assert measured[variant]["largest_difference"] <= most, variant
        assert measured[variant]["bytes"] == spec.file(variant).stat().st_size, variant


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("variant", ["float32", "float16"])
def test_on_val_a_file_says_what_keras_says(variant, shared_data):
    from convert.verify import TOLERANCES
    from training.data import crops
    from training.evaluate import model as evaluate

    val = crops.read(shared_data / "dfdc224-val.tar")
    some = val.take(np.arange(len(val))[:: len(val) // 150])
    p = [evaluate.p_fake(evaluate.load(f"meso3:{name}"), some) for name in ("keras", variant)]
    assert np.abs(p[1] - p[0]).max() <= TOLERANCES[variant].max_dp


@pytest.mark.data
def test_known_fakes_score_above_known_reals(spec, shared_data):
    """Polarity: a network whose sign is flipped would order them the other way round."""
    from training.data import crops
    from training.evaluate import model as evaluate

    val = crops.read(shared_data / "dfdc224-val.tar")
    pairs = val.pairs()[:: len(val.pairs()) // 64][:64]
    p_fake = evaluate.p_fake(evaluate.load(spec.name), val.take(pairs.ravel())).reshape(-1, 2)
    real, fake = p_fake.mean(axis=0)
    assert fake - real > 0.1
