"""From a trained network to a registered, calibrated model that the evaluation can measure."""

from __future__ import annotations

import json

import pytest

from convert import bootstrap
from models import registry
from tests.training.pictures import write_data

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # a machine shared with other work takes minutes over the graphs
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
SIDE_PX = 64


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_recipe, tiny_start):
    """The folder of a short run, in which the network learns the stripes of generated fakes."""
    from training.fit import own

    folder = tmp_path_factory.mktemp("export")
    write_data(folder, train_pairs=64, val_pairs=40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own, "RESULTS", folder / "runs.csv")
        patch.setattr(bootstrap, "DRAWS", 50)
        own.train(tiny_recipe, own.Plan("mine", 6, start=tiny_start), folder / "run", folder)
    return folder


def test_training_learns_and_records_the_run(trained):
    header, row = (trained / "runs.csv").read_text().splitlines()
    recorded = dict(zip(header.split(","), row.split(","), strict=True))
    assert recorded["model"] == "mine"
    assert float(recorded["val_auc"]) > 0.9


def test_export_registers_what_evaluate_then_measures(trained, tmp_path, monkeypatch, capsys):
    from training.__main__ import main
    from training.card import export

    monkeypatch.setattr(export, "SAMPLES", 32)
    weights = tmp_path / "weights"
    weights.mkdir()
    monkeypatch.setattr(registry, "WEIGHTS", weights)
    registry.spec.cache_clear()
    try:
        measured = export.export(trained / "run" / "mine.keras", trained, weights)
        spec = registry.spec("mine")
        assert spec.input_px == SIDE_PX
        assert spec.calibration is not None
        assert (
            set(spec.files) == set(measured) == {"keras", "float32", "float16", "dynamic", "int8"}
        )
        assert measured["float32"]["largest_difference"] < 1e-4
        assert measured[spec.serve]["auc"] >= measured["float32"]["auc"] - export.ALLOWED_LOSS

        out = tmp_path / "numbers.json"
        tar = str(trained / "dfdc224-val.tar")
        assert main(["evaluate", "mine", tar, "--json", str(out)]) == 0
        numbers = json.loads(out.read_text())
        rows = {row["measure"]: row for row in numbers["crops"]}
        assert rows["crops"]["value"] == 80
        assert rows["people"]["value"] == 20
        assert 0.9 < rows["auc"]["value"] <= 1
        assert rows["auc"]["low"] <= rows["auc"]["value"] <= rows["auc"]["high"]
        assert "| auc |" in capsys.readouterr().out
    finally:
        registry.spec.cache_clear()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "meso9", "x.tar"], "no model called meso9"),
        (["evaluate", "meso3", "nowhere.tar"], "nowhere.tar is not there"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, message, capsys):
    from training.__main__ import main

    assert main(arguments) == 1
    assert message in capsys.readouterr().err


def test_a_flat_loss_chooses_int8_and_a_changed_label_float32():
    from training.card.export import choose

    same = {"auc": 0.9, "labels_equal": 0.99}
    worse = {"auc": 0.88, "labels_equal": 0.99}
    other = {"auc": 0.9, "labels_equal": 0.9}
    base = {"float32": {"auc": 0.9, "labels_equal": 1.0}}
    assert choose({**base, "int8": same, "dynamic": same}) == "int8"
    assert choose({**base, "int8": worse, "dynamic": same}) == "dynamic"
    assert choose({**base, "int8": other, "dynamic": worse}) == "float32"
