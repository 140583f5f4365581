"""Keras to TFLite: the same answers, batch norm folded, any batch, floats in and out."""

from __future__ import annotations

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
SIDE_PX = 48


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
    from convert.network import load
    from server.analysis.runtimes.tflite import TfliteRuntime

    network, files, crops = converted
    assert set(files) == {"float32", "float16", "dynamic", "int8"}
    expected = load(network).predict_on_batch(crops)
    for precision, most in {"float32": 1e-4, "float16": 5e-3, "dynamic": 0.6, "int8": 0.6}.items():
        found = TfliteRuntime(files[precision]).run(crops)
        assert np.abs(found - expected).max() < most, precision


def test_batch_norm_is_folded_and_files_shrink(converted):
    from convert.inspect import inspect

    _, files, _ = converted
    facts = {precision: inspect(path) for precision, path in files.items()}
    operators = {operator.name for operator in facts["float32"].operators}
    assert operators <= {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED"}
    size = {precision: fact.size_bytes for precision, fact in facts.items()}
    assert size["float16"] < 0.65 * size["float32"]
    assert size["int8"] < 0.5 * size["float32"]
    assert size["dynamic"] < 0.5 * size["float32"]
    assert facts["float32"].macs == facts["int8"].macs > 1e6


def test_dynamic_files_quantise_no_filter_that_would_make_them_slow(converted):
    from ai_edge_litert.interpreter import Interpreter

    from convert.tflite import FEW_WEIGHTS

    _, files, _ = converted
    interpreter = Interpreter(str(files["dynamic"]))
    sizes = {True: [0], False: [0]}  # of filters, by whether they are int8
    for tensor in interpreter.get_tensor_details():
        if len(tensor["shape"]) == 4 and tensor["quantization_parameters"]["scales"].size:
            sizes[tensor["dtype"] == np.int8].append(int(np.prod(tensor["shape"])))
    assert len(sizes[True]) > 5
    assert min(sizes[True][1:]) >= FEW_WEIGHTS
    operators = interpreter._get_ops_details()
    filters = [op["inputs"][1] for op in operators if op["op_name"] == "DEPTHWISE_CONV_2D"]
    kinds = {t["index"]: t["dtype"] for t in interpreter.get_tensor_details()}
    assert {kinds[i] for i in filters} <= {np.float32}


def test_float16_files_round_no_filter_that_would_put_them_off(converted):
    from ai_edge_litert.interpreter import Interpreter

    from convert.tflite import FEW_WEIGHTS

    _, files, _ = converted
    interpreter = Interpreter(str(files["float16"]))
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    operators = interpreter._get_ops_details()
    rounded = {op["outputs"][0]: tensors[op["inputs"][0]] for op in operators
               if op["op_name"] == "DEQUANTIZE"}  # fmt: skip
    assert len(rounded) > 5
    for half in rounded.values():
        assert half["dtype"] == np.float16
        assert np.prod(half["shape"]) >= FEW_WEIGHTS
    for op in operators:
        large = len(op["inputs"]) > 1 and np.prod(tensors[op["inputs"][1]]["shape"]) >= FEW_WEIGHTS
        if op["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            assert (op["inputs"][1] in rounded) == (large and op["op_name"] == "CONV_2D")


def test_a_filter_that_two_layers_share_is_rounded_once():
    import keras
    from ai_edge_litert.interpreter import Interpreter

    from convert import tflite

    keras.utils.set_random_seed(3)
    image = keras.Input((16, 16, 3))
    shared = keras.layers.Conv2D(64, 3, padding="same", activation="relu")
    x = keras.layers.Conv2D(64, 3, padding="same", activation="relu")(image)
    x = keras.layers.GlobalAveragePooling2D()(shared(shared(x)))
    model = keras.Model(image, keras.layers.Dense(1)(x))
    content = {name: tflite.export(model, name) for name in ("float32", "float16")}
    assert len(content["float16"]) < 0.6 * len(content["float32"])
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
    interpreter = Interpreter(model_content=content["float16"])
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, model.predict_on_batch(picture), atol=1e-3)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_floats_go_in_and_out_for_any_batch(converted, precision):
    from server.analysis.runtimes.tflite import TfliteRuntime

    _, files, crops = converted
    runtime = TfliteRuntime(files[precision])
    for count in (1, 3, 8):
        answer = runtime.run(crops[:count])
        assert answer.dtype == np.float32
        assert answer.shape == (count, 1)
