"""`python -m convert`: other people's models in, files that are proven and can be served out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from convert.__main__ import main
from tests.convert import models
from tests.convert.test_classifier import KERAS_SAVES

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings(KERAS_SAVES),
]


def p_of(model, crops):
    """The original's P(fake) of the crops, which it takes as 0..255."""
    return model.predict_on_batch((crops + 1) * 127.5)[:, -1]


@pytest.mark.parametrize("end", [("sigmoid", 1), ("softmax", 2)])
def test_a_model_of_another_form_says_the_same_afterwards(end, tmp_path, crops) -> None:
    from convert import samples
    from server.analysis.runtimes.tflite import TfliteRuntime

    model = models.network(*end)
    model.save(tmp_path / "theirs.h5" if end[1] == 2 else tmp_path / "theirs.keras")
    (source,) = tmp_path.iterdir()
    command = ["keras", str(source), "--input-range", "0..255", "--quantize", "none"]
    assert main([*command, "--calibrate", str(crops), "--out", str(tmp_path)]) == 0
    data = samples.read(crops, models.SIDE_PX)
    logits = TfliteRuntime(tmp_path / "theirs-float32.tflite").run(data.crops)[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), p_of(model, data.crops), atol=1e-4)
    sidecar = json.loads((tmp_path / "theirs-float32.tflite.json").read_text())
    assert sidecar["input"]["shape"] == [1, models.SIDE_PX, models.SIDE_PX, 3]


def test_what_is_registered_can_be_served(tmp_path, crops, network, astronaut) -> None:
    """In a copy of the project, so that this one's registry stays as it is."""
    for package in ("server", "convert", "models"):
        shutil.copytree(ROOT / package, tmp_path / package)
    words = "extension/src/_locales"
    shutil.copytree(ROOT / words, tmp_path / words)
    import cv2

    cv2.imwrite(str(tmp_path / "face.png"), astronaut[..., ::-1])

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    command = ["convert", "keras", str(network), "--calibrate", str(crops), "--positive", "real"]
    done = run(*command, "--register", "theirs", "--quantize", "int8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MESOSCOPE_MODEL=theirs" in done.stdout
    done = run("server", "analyze", "face.png", "--json", MESOSCOPE_MODEL="theirs")
    assert done.returncode == 0, done.stderr
    small = json.loads(done.stdout)
    assert small["model"]["name"] == "theirs"
    on_keras = {"MESOSCOPE_MODEL": "theirs", "MESOSCOPE_BACKEND": "keras"}
    done = run("server", "analyze", "face.png", "--json", **on_keras)
    assert done.returncode == 0, done.stderr
    full = json.loads(done.stdout)
    assert full["model"]["backend"] == "keras"
    assert abs(full["p_fake"] - small["p_fake"]) < 0.05


@pytest.mark.parametrize("arch", ["meso4", "mesoinception4"])
def test_published_mesonet_weights(arch, tmp_path, crops) -> None:
    from convert import mesonet, samples

    model = models.published(tmp_path / "published.h5", arch)
    command = ["mesonet", str(tmp_path / "published.h5"), "--calibrate", str(crops)]
    command += ["--out", str(tmp_path), "--quantize", "float16"]
    assert main([*command, "--arch", arch]) == 0
    from server.analysis.runtimes.tflite import TfliteRuntime

    data = samples.read(crops, mesonet.SIDE_PX, 4)
    found = TfliteRuntime(tmp_path / "published-float16.tflite").run(data.crops)
    expected = model.predict_on_batch((data.crops + 1) / 2)  # they take 0..1
    np.testing.assert_allclose(found, expected, atol=0.01)
    sidecar = json.loads((tmp_path / "published-float16.tflite.json").read_text())
    assert sidecar["labels"]["sigmoid(output)"] == "real"
    verify = ["verify", str(tmp_path / "published.h5"), str(tmp_path / "published-float16.tflite")]
    assert main([*verify, str(crops)]) == 0
    other = "meso4" if arch != "meso4" else "mesoinception4"
    assert main([*command, "--arch", other]) == 1


def test_verify_tells_a_changed_file(tmp_path, crops, network, capsys) -> None:
    command = ["keras", str(network), "--quantize", "none", "--calibrate", str(crops)]
    assert main([*command, "--out", str(tmp_path)]) == 0
    file = str(tmp_path / "theirs-float32.tflite")
    numbers = tmp_path / "numbers.json"
    assert main(["verify", str(network), file, str(crops), "--json", str(numbers)]) == 0
    report = json.loads(numbers.read_text())
    assert report["max_dp"] < 1e-4
    assert report["crops"] == 12
    assert [cost["threads"] for cost in report["cost"]] == [1, 2]
    assert report["cost"][0]["ms"] > 0
    wrong = ["verify", str(network), file, str(crops), "--input-range", "0..255"]
    assert main([*wrong, "--max-dp", "0.001"]) == 1
    assert "past the tolerance" in capsys.readouterr().out


def test_inspect_shows_what_is_inside(network, capsys) -> None:
    assert main(["inspect", str(ROOT / "models/weights/meso3-int8.tflite")]) == 0
    shown = capsys.readouterr().out
    assert "DEPTHWISE_CONV_2D" in shown
    assert "73.2 million multiply-adds" in shown
    assert main(["inspect", str(network)]) == 0
    said = capsys.readouterr()
    assert "BatchNormalization" in said.out
    assert said.err == ""  # not even the line that a spinner would leave


def test_inspect_counts_at_a_stated_size_where_the_size_is_free(capsys) -> None:
    """The P-Net, by hand: its layers over a picture of 128 px, windows of 12 px every 2 px."""
    assert main(["inspect", str(ROOT / "models/weights/mtcnn-pnet.tflite")]) == 0
    convolutions = 126**2 * 3 * 3 * 3 * 10 + 61**2 * 3 * 3 * 10 * 16 + 59**2 * 3 * 3 * 16 * 32
    heads = 59**2 * 32 * (1 + 4)  # the face as one logit, and its box
    shown = capsys.readouterr().out
    assert f"{convolutions + heads:,}" in shown
    assert "26.2 million multiply-adds a picture (where its size is free, 128 px)" in shown


def _lambda(path: Path) -> None:
    import keras

    image = keras.Input((32, 32, 3))
    x = keras.layers.Lambda(lambda x: __import__("os").system("touch ran") or x)(image)
    keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(x))).save(path)


def _two_outputs(path: Path) -> None:
    import keras

    image = keras.Input((32, 32, 3))
    ends = [keras.layers.Dense(1)(keras.layers.Flatten()(image)) for _ in range(2)]
    keras.Model(image, ends).save(path)


def _nan(path: Path) -> None:
    model = models.network()
    last = model.layers[-1]
    last.set_weights([weights * np.nan for weights in last.get_weights()])
    model.save(path)


def _pickle(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"cos\nsystem\n(S'touch ran'\ntR.")


def _truncated(path: Path) -> None:
    models.network().save(path)
    path.write_bytes(path.read_bytes()[:-2000])


def _huge(path: Path) -> None:
    """A configuration of a few bytes that asks for a terabyte."""
    models.network().save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = parts["config.json"].replace(b'"filters": 8', b'"filters": 90000000000')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (_lambda, "code of its own"),
        (_two_outputs, "2 outputs"),
        (_nan, "NaN"),
        (_pickle, "damaged or no .keras file"),
        (_truncated, "damaged or no .keras file"),
        (_huge, "cannot load"),
        (lambda path: models.network("relu", 1).save(path), "ends in relu"),
        (lambda path: models.network(None, 5).save(path), "softmax over two classes"),
        (lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), "damaged"),
    ],
)
def test_a_model_that_is_not_what_it_claims(
    build, says, tmp_path, crops, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "strange.keras"
    build(path)
    (tmp_path / "ran").unlink(missing_ok=True)  # by Keras, when it was built
    assert main(["keras", str(path), "--calibrate", str(crops), "--out", str(tmp_path)]) == 1
    assert says in capsys.readouterr().err
    assert [found.name for found in tmp_path.iterdir()] == ["strange.keras"], "nothing was run"


@pytest.mark.parametrize("content", [b"", b"TFL3" * 9, b"\x1c\0\0\0TFL3" + b"\xff" * 900])
def test_a_damaged_tflite_file(content, tmp_path, crops, capsys) -> None:
    path = tmp_path / "damaged.tflite"
    path.write_bytes(content)
    assert main(["inspect", str(path)]) == 1
    assert "damaged.tflite" in capsys.readouterr().err
    assert main(["verify", str(path), str(path), str(crops)]) == 1


def test_data_that_cannot_be_used(tmp_path, network, capsys) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar").write_text("no tar")
    for data, says in (("empty", "holds no"), ("text.tar", "no folder, tar"), ("no", "not there")):
        assert main(["keras", str(network), "--calibrate", str(tmp_path / data)]) == 1
        assert says in capsys.readouterr().err
