"""`python -m convert`: what is written, where, under which name, and what stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from convert.__main__ import main
from models import registry
from tests.convert import models
from tests.convert.test_classifier import KERAS_SAVES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings(KERAS_SAVES),
]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A registry of our own, with the models of the project."""
    folder = tmp_path / "models" / "weights"
    shutil.copytree(registry.WEIGHTS, folder)
    (folder.parent / "cards").mkdir()
    monkeypatch.setattr(registry, "WEIGHTS", folder)
    registry.spec.cache_clear()
    yield folder
    registry.spec.cache_clear()


def convert(network: Path, crops: Path, *more: object, quantize: str = "none") -> int:
    command = ["keras", network, "--calibrate", crops, "--quantize", quantize, *more]
    return main(list(map(str, command)))


@pytest.mark.parametrize("name", ["[bold]модель (1)+v1.2", "_model", "-x"])
def test_a_file_may_be_called_anything(name, tmp_path, crops, network, capsys) -> None:
    theirs = tmp_path / f"{name}.keras"
    shutil.copyfile(network, theirs)
    assert convert(theirs, crops, "--out", tmp_path) == 0
    assert (tmp_path / f"{name}-float32.tflite").is_file()
    assert (tmp_path / f"{name}-float32.tflite.json").is_file()
    assert f"{name}-float32.tflite" in capsys.readouterr().out.replace("\n", "")
    assert main(["inspect", str(theirs)]) == 0
    assert f"{name}.keras: " in capsys.readouterr().out


def test_a_name_of_bytes_that_are_no_text(tmp_path, crops, network) -> None:
    theirs = tmp_path / b"mod\xe8le.keras".decode("utf-8", "surrogateescape")
    shutil.copyfile(network, theirs)
    assert convert(theirs, crops, "--out", tmp_path, "--name", "named") == 0
    assert (tmp_path / "named-float32.tflite").is_file()


def _a_file(folder: Path) -> list[object]:
    (folder / "file").touch()
    return ["--out", folder / "file"]


def _below_a_file(folder: Path) -> list[object]:
    (folder / "file").touch()
    return ["--json", folder / "file" / "numbers.json"]


def _a_folder_in_its_place(folder: Path) -> list[object]:
    (folder / "theirs-float32.tflite").mkdir()
    return ["--out", folder]


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (_a_file, "cannot be written"),
        (_below_a_file, "cannot be written"),
        (_a_folder_in_its_place, "cannot be written"),
        (lambda folder: ["--out", "/proc/none"], "cannot be written"),
        (lambda folder: ["--out", folder, "--name", "x" * 300], "cannot be written"),
        (lambda folder: ["--out", folder, "--name", "a/b"], "is no name"),
        (lambda folder: ["--out", folder, "--name", ""], None),
        (lambda folder: ["--out", registry.WEIGHTS], "--register"),
        (lambda folder: ["--register", "meso3"], "one of our own models"),
        (lambda folder: ["--register", "Mein Modell"], "is no name"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_work(
    build, says, tmp_path, crops, network, capsys, monkeypatch
) -> None:
    from convert import network as module

    more = build(tmp_path)
    if says is None:  # an empty --name is none: the model's own counts
        assert convert(network, crops, *more) == 0
        return
    monkeypatch.setattr(module, "load", lambda path: pytest.fail("work was spent"))
    assert convert(network, crops, *more) == 1
    assert says in capsys.readouterr().err


def test_a_conversion_that_does_not_hold_leaves_what_was_there(
    tmp_path, crops, network, capsys, monkeypatch
) -> None:
    from convert import verify

    assert convert(network, crops, "--out", tmp_path) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setitem(verify.TOLERANCES, "float32", verify.Tolerance(-1))
    assert convert(network, crops, "--out", tmp_path) == 1
    assert "not written" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_older_output_is_replaced(tmp_path, crops, network) -> None:
    (tmp_path / "theirs-float32.tflite").write_text("old")
    assert convert(network, crops, "--out", tmp_path) == 0
    assert (tmp_path / "theirs-float32.tflite").read_bytes()[4:8] == b"TFL3"


def test_verify_takes_the_range_from_the_sidecar(tmp_path, crops, network, capsys) -> None:
    assert convert(network, crops, "--out", tmp_path, "--input-range", "0..255") == 0
    file = tmp_path / "theirs-float32.tflite"
    verify = ["verify", str(network), str(file), str(crops)]
    assert main(verify) == 0
    assert main([*verify, "--input-range", "-1..1"]) == 1
    sidecar = Path(f"{file}.json")
    facts = json.loads(sidecar.read_text())
    assert facts["source"]["input_range"] == "0..255"
    facts["source"]["input_range"] = "0..7"
    sidecar.write_text(json.dumps(facts))
    assert main(verify) == 1
    assert "is damaged: the input range '0..7'" in capsys.readouterr().err


def test_the_range_and_its_reason_are_shown(tmp_path, crops, network, capsys) -> None:
    assert convert(network, crops, "--out", tmp_path) == 0
    assert "pictures in -1..1: assumed; --input-range" in capsys.readouterr().err
    assert convert(network, crops, "--out", tmp_path, "--input-range", "0..1") == 0
    assert "pictures in 0..1: as stated" in capsys.readouterr().err


def test_a_model_of_ones_own_is_replaced_and_the_same_keeps_its_calibration(
    weights, tmp_path, crops, network
) -> None:
    def register(quantize: str) -> registry.ModelSpec:
        assert (
            convert(network, crops, "--out", tmp_path, "--register", "mine", quantize=quantize) == 0
        )
        return registry.spec("mine")

    assert register("none").foreign
    calibration = {"scale": 1.0, "offset": 0.0, "fake_at": 0.8, "real_at": 0.2}
    registry.update("mine", calibration=calibration)
    assert register("none").calibration == registry.Calibration(**calibration)
    other = register("float16")
    assert other.calibration is None
    assert set(other.files) == {"float16", "keras"}
    assert not (weights / "mine-float32.tflite").exists()
    for variant in other.files:
        other.file(variant)
    assert "not known here" in other.card.read_text()


def test_what_tflite_has_no_operator_for_is_named(tmp_path, crops, capsys) -> None:
    import keras

    x = keras.Input((32, 32, 3))
    y = keras.layers.Dense(1)(keras.ops.erfinv(keras.layers.Flatten()(x)))
    keras.Model(x, y).save(tmp_path / "theirs.keras")
    assert convert(tmp_path / "theirs.keras", crops, "--out", tmp_path) == 1
    assert "no operator for Erfinv" in capsys.readouterr().err


def test_a_linear_end_that_was_trained_as_a_probability_is_refused(tmp_path, crops, capsys) -> None:
    model = models.network(end=None)
    model.compile(loss="binary_crossentropy")
    model.save(tmp_path / "theirs.keras")
    assert convert(tmp_path / "theirs.keras", crops, "--out", tmp_path) == 1
    assert "was trained with binary_crossentropy" in capsys.readouterr().err
