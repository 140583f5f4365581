"""TFLite files run behind one interface, whatever they compute in."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models import registry
from server.analysis.runtimes import tflite
from server.analysis.runtimes.tflite import TfliteRuntime
from server.errors import ModelError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rnet() -> TfliteRuntime:
    return TfliteRuntime(registry.spec("mtcnn").file("rnet"))


def windows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (count, 24, 24, 3)).astype(np.float32)


def test_answers_are_the_callers_to_keep(rnet: TfliteRuntime) -> None:
    first = rnet.run(windows(4, seed=1))
    kept = first.copy()
    second = rnet.run(windows(4, seed=2))
    np.testing.assert_array_equal(first, kept)
    assert not np.array_equal(first, second)
    second[:] = 0
    np.testing.assert_array_equal(rnet.run(windows(4, seed=1)), kept)


def test_a_batch_is_its_parts(rnet: TfliteRuntime) -> None:
    batch = windows(5)
    alone = np.concatenate([rnet.run(batch[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(rnet.run(batch), alone, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(rnet.run(batch[:, ::-1]), rnet.run(batch[:, ::-1].copy()))


def test_interpreters_are_kept_but_not_without_end(
    rnet: TfliteRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    real = rnet._open
    monkeypatch.setattr(rnet, "_open", lambda: opened.append(1) or real())
    for count in range(1, tflite.MAX_SHAPES + 3):
        rnet.run(windows(count))
    assert len(opened) == tflite.MAX_SHAPES + 2
    assert len(rnet._interpreters) == tflite.MAX_SHAPES
    rnet.run(windows(3))  # the oldest still there: kept
    assert len(opened) == tflite.MAX_SHAPES + 2
    rnet.run(windows(1))  # unused for longest: gone, opened again
    assert len(opened) == tflite.MAX_SHAPES + 3


def test_large_pictures_leave_no_memory_behind() -> None:
    pnet = TfliteRuntime(registry.spec("mtcnn").file("pnet"))
    for width in range(900, 960, 10):
        pnet.run(np.zeros((1, 800, width, 3), np.float32))
    assert len(pnet._interpreters) == 2
    pnet.run(np.zeros((1, 1500, 1500, 3), np.float32))  # more than is kept, and yet it runs
    assert list(pnet._interpreters) == [(1, 1500, 1500, 3)]
    pnet.run(np.zeros((1, 12, 12, 3), np.float32))
    assert list(pnet._interpreters) == [(1, 12, 12, 3)]


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\x00\x00\x00TFL3" + bytes(60)])
def test_what_is_no_tflite_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.tflite cannot be loaded"):
        TfliteRuntime(path)
    with pytest.raises(ModelError, match=r"absent\.tflite cannot be loaded"):
        TfliteRuntime(tmp_path / "absent.tflite")


def test_without_a_runtime_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    with pytest.raises(ModelError, match="install ai-edge-litert"):
        TfliteRuntime(registry.spec("mtcnn").file("rnet"))


def test_the_other_runtime_is_used_where_the_first_is_missing() -> None:
    """tflite_runtime is the same library under its old name; here its name leads to the new one."""
    code = """
import sys, types
from ai_edge_litert.interpreter import Interpreter
old = types.ModuleType("tflite_runtime.interpreter")
old.Interpreter = Interpreter
sys.modules["tflite_runtime.interpreter"] = old
sys.modules["tflite_runtime"] = types.ModuleType("tflite_runtime")
sys.modules["ai_edge_litert.interpreter"] = None
import numpy as np
from models import registry
from server.analysis.runtimes.tflite import TfliteRuntime
runtime = TfliteRuntime(registry.spec("mtcnn").file("onet"))
print(runtime.run(np.zeros((2, 48, 48, 3), np.float32)).shape)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "(2, 15)", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float16", "dynamic", "int8", "int8 in and out"])
def test_other_precisions_answer_nearly_the_same(tmp_path: Path, precision: str) -> None:
    import tensorflow as tf
    from keras import layers, models, utils

    from convert.tflite import export

    utils.set_random_seed(0)
    picture = layers.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, activation="relu")(picture)
    model = models.Model(picture, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    batch = windows(6) / 255
    expected = np.asarray(model(batch))

    if precision == "int8 in and out":
        model.export(tmp_path / "saved", format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([each[None]] for each in batch)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        content = converter.convert()
    else:
        content = export(model, precision, [each[None] for each in batch])
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    found = TfliteRuntime(path).run(batch)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=0.03 * np.abs(expected).max())


def test_threads_may_share_a_runtime(rnet: TfliteRuntime) -> None:
    batches = [windows(1 + seed % 3, seed) for seed in range(60)]
    alone = [rnet.run(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for expected, found in zip(alone, pool.map(rnet.run, batches), strict=True):
            np.testing.assert_array_equal(found, expected)
