"""Keras to TFLite: the same answers, batch norm folded, any batch, floats in and out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models import meso

# Keras saves through numpy's older array interface; numpy 2 warns about it.
KERAS_SAVES = "ignore:__array__ implementation:DeprecationWarning"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # a machine shared with other work takes minutes over the graphs
    pytest.mark.filterwarnings(KERAS_SAVES),
]
SIDE_PX = 64


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A network with lived-in batch norm, its files, and crops in -1..1."""
    from convert import classifier

    folder = tmp_path_factory.mktemp("classifier")
    rng = np.random.default_rng(1)
    model = meso.meso3(SIDE_PX)
    for layer in model.layers:
        if layer.name.endswith("_norm"):
            width = len(layer.get_weights()[0])
            layer.set_weights(
                [
                    rng.uniform(0.5, 2, width),
                    rng.normal(0, 0.3, width),
                    rng.normal(0, 0.1, width),
                    rng.uniform(0.5, 2, width),
                ]
            )
    model.save(folder / "meso3.keras")
    crops = rng.uniform(-1, 1, (8, SIDE_PX, SIDE_PX, 3)).astype(np.float32)
    return folder / "meso3.keras", classifier.convert(folder / "meso3.keras", folder, crops), crops


def test_every_precision_says_what_keras_says(converted):
    from convert import classifier

    network, files, crops = converted
    assert set(files) == {"float32", "float16", "dynamic", "int8"}
    worst = dict(zip(files, classifier.parity(network, list(files.values()), crops), strict=True))
    assert worst["float32"] < 1e-5
    assert worst["float16"] < 0.01
    assert worst["dynamic"] < 0.15
    assert worst["int8"] < 0.15


def test_batch_norm_is_folded_and_files_shrink(converted):
    from ai_edge_litert.interpreter import Interpreter

    _, files, _ = converted
    operators = {op["op_name"] for op in Interpreter(str(files["float32"]))._get_ops_details()}
    assert operators <= {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED"}
    size = {precision: path.stat().st_size for precision, path in files.items()}
    assert size["float16"] < 0.6 * size["float32"]
    assert size["int8"] < 0.5 * size["float32"]
    assert size["dynamic"] < 0.5 * size["float32"]


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_floats_go_in_and_out_for_any_batch(converted, precision):
    from server.analysis.runtimes.tflite import TfliteRuntime

    _, files, crops = converted
    runtime = TfliteRuntime(files[precision])
    for count in (1, 3, 8):
        answer = runtime.run(crops[:count])
        assert answer.dtype == np.float32
        assert answer.shape == (count, 1)


def test_the_command_reads_a_folder_of_crops(converted, tmp_path, capsys):
    from convert.__main__ import main

    (tmp_path / "crops").mkdir()
    assert main(["keras", str(converted[0]), "--samples", str(tmp_path / "crops")]) == 1
    assert "holds no .jpg" in capsys.readouterr().err
    cv2.imwrite(str(tmp_path / "crops" / "a.png"), np.full((90, 90, 3), 99, np.uint8))
    out = tmp_path / "out"
    arguments = ["keras", str(converted[0]), "--samples", str(tmp_path / "crops")]
    assert main([*arguments, "--out", str(out)]) == 0
    assert len(list(out.glob("meso3-*.tflite"))) == 4
