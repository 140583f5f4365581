"""The full networks on Keras: they find what TFLite finds, and give way where memory ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from models import registry
from server.analysis.cascade import level_by_level
from server.analysis.faces import FaceFinder
from server.analysis.runtimes.base import RuntimeFailed
from server.analysis.runtimes.tflite import TfliteRuntime
from server.analysis.scoring import Scorer
from server.gpu.canvases import SIDES_PX
from server.gpu.channel import Channel
from server.gpu.client import NetworksProcess
from server.gpu.keras import KerasNetworks
from server.gpu.server import BatchServer
from tests.server.scenes import scene

pytestmark = pytest.mark.slow  # TensorFlow takes seconds to come
ROOT = Path(__file__).resolve().parents[2]

# Runs out of memory truly: each picture becomes 3 MB, or 805 MB, with 400 MB left to take.
OUT_OF_MEMORY = """
import logging, resource, sys
from pathlib import Path
import keras
import numpy as np
from keras import layers
from server.analysis.runtimes.base import RuntimeFailed
from server.gpu.keras import KerasRuntime

logging.basicConfig(level="WARNING", format="%(message)s", stream=sys.stdout)

def enlarging(times):
    picture = keras.Input((64, 64, 3))
    x = layers.GlobalAveragePooling2D()(layers.UpSampling2D(times)(picture))
    return KerasRuntime(keras.Model(picture, x, name=f"times{times}"))

some, many = enlarging(8), enlarging(128)
batch = np.random.default_rng(0).uniform(0, 1, (256, 64, 64, 3)).astype(np.float32)
some.run(batch[:1])
status = Path("/proc/self/status").read_text().splitlines()
held = 1024 * int(next(line.split()[1] for line in status if line.startswith("VmData")))
resource.setrlimit(resource.RLIMIT_DATA, (held + 400_000_000,) * 2)
np.testing.assert_allclose(some.run(batch), batch.mean(axis=(1, 2)), rtol=5e-3)
try:
    many.run(batch[:1])  # TensorFlow waits for 10 s each time that it finds no memory
except RuntimeFailed:
    print("gave up")
"""

# How the framework multiplies float32 where it has a GPU.
FLOAT32 = {
    "tensorflow": "__import__('tensorflow').config.experimental"
    ".tensor_float_32_execution_enabled()",
    "jax": "__import__('jax').config.jax_default_matmul_precision",
}


@pytest.fixture(scope="module")
def networks() -> KerasNetworks:
    return KerasNetworks()


@pytest.mark.parametrize("size", [(181, 180), (333, 77), (191, 192), (1, 1)])
def test_pictures_of_any_size_have_the_same_faces(
    networks: KerasNetworks, astronaut: np.ndarray, size: tuple[int, int]
) -> None:
    picture = cv2.resize(scene(astronaut, 3), size[::-1], interpolation=cv2.INTER_AREA)
    expected = FaceFinder(20).find(picture)
    found = FaceFinder(20, networks=networks).find(picture)
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.05)
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=0.05)


def test_every_window_of_every_level_is_answered_alike(
    networks: KerasNetworks, astronaut: np.ndarray
) -> None:
    """Also those at the edge of an odd side, which only pooling's padding lets in."""
    pnet = TfliteRuntime(registry.spec("mtcnn").file("pnet"))
    for size in [(97, 131), (130, 98), (55, 55)]:
        picture = cv2.resize(astronaut, size).astype(np.float32)
        found = networks.open("proposals").run(picture[None])[0]
        levels = [answer.reshape(-1, 5) for _, answer in level_by_level(pnet, picture)]
        np.testing.assert_allclose(found, np.concatenate(levels), atol=5e-3)


def test_what_several_ask_is_answered_as_if_they_were_alone(
    networks: KerasNetworks, astronaut: np.ndarray
) -> None:
    proposals, rnet = networks.open("proposals"), networks.open("rnet")
    sizes = [(100, 90), (180, 300), (60, 60), (90, 100), (100, 90)]
    pictures = [cv2.resize(astronaut, size).astype(np.float32)[None] for size in sizes]
    for together, picture in zip(proposals.run_all(pictures), pictures, strict=True):
        np.testing.assert_allclose(together, proposals.run(picture), atol=1e-3)
    random = np.random.default_rng(2)
    batches = [random.uniform(0, 255, (n, 24, 24, 3)).astype(np.float32) for n in (0, 3, 1, 20)]
    for together, batch in zip(rnet.run_all(batches), batches, strict=True):
        np.testing.assert_allclose(together, rnet.run(batch), atol=1e-4)


@pytest.mark.parametrize("count", [0, 1, 5, 20])
def test_any_number_of_crops_scores_as_the_float_file_does(
    networks: KerasNetworks, count: int
) -> None:
    crops = np.random.default_rng(count).uniform(-1, 1, (count, 160, 160, 3)).astype(np.float32)
    found = networks.open("meso3").run(crops)
    assert found.shape == (count, 1)
    if count:
        expected = TfliteRuntime(registry.spec("meso3").file("float32")).run(crops)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_result_names_the_backend_and_its_weights(networks: KerasNetworks) -> None:
    use = Scorer("meso3", networks).use
    assert (use.backend, use.sha256) == ("keras", registry.spec("meso3").files["keras"].sha256)


def test_a_picture_too_large_for_any_canvas_is_left_to_tflite(
    networks: KerasNetworks, astronaut: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    wide = np.zeros((300, 2 * SIDES_PX[-1] + 2, 3), np.uint8)
    wide[:, -300:] = cv2.resize(astronaut, (300, 300))
    finder = FaceFinder(40, networks=networks)
    assert len(finder.find(wide)) == 1
    assert "on TFLite from here on" in caplog.text
    assert len(finder.find(astronaut)) == 1
    assert caplog.text.count("from here on") == 1


def test_a_classifier_that_fails_goes_on_with_the_float_file(
    networks: KerasNetworks, astronaut: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(KerasNetworks):
        """Ends after its first answer, as a process does whose GPU is lost."""

        def __init__(self) -> None:
            self._asked = 0
            self.name = "keras"

        def open(self, network: str) -> Failing:  # type: ignore[override]
            return self

        def run(self, batch: np.ndarray) -> np.ndarray:
            self._asked += 1
            if self._asked > 1:
                raise RuntimeFailed("it has ended")
            return networks.open("meso3").run(batch)

    crops = np.stack([astronaut[60 + i : 204 + i, 140:284] for i in range(40)])
    scorer = Scorer("meso3", Failing())
    found = scorer.p_fake(crops)  # in two batches
    np.testing.assert_allclose(found, Scorer("meso3", networks).p_fake(crops), atol=1e-3)
    assert scorer.use.backend == "tflite"
    assert scorer.use.sha256 == registry.spec("meso3").files["float32"].sha256
    assert "meso3 runs on TFLite from here on" in caplog.text


def test_what_comes_within_milliseconds_is_one_batch(networks: KerasNetworks) -> None:
    asked: list[int] = []

    class Counting:
        """Notes how many ask at once."""

        def open(self, network: str) -> Counting:
            return self

        def fits(self, shape: tuple[int, ...]) -> bool:
            return True

        def run_all(self, batches: list[np.ndarray]) -> list[np.ndarray]:
            asked.append(len(batches))
            return networks.open("rnet").run_all(batches)

    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    worker = object.__new__(NetworksProcess)
    worker._control = control
    desk = threading.Thread(target=BatchServer(theirs, Counting()).serve)
    ends = [worker._channel() for _ in range(6)]
    lines = [Channel(each.connection, each.memory) for each in ends]
    desk.start()
    window = np.zeros((1, 24, 24, 3), np.float32)
    with ThreadPoolExecutor(6) as threads:
        for _ in range(5):
            list(threads.map(lambda line: line.open("rnet").run(window), lines))
    control.close()
    desk.join(60)
    for each in (*lines, theirs):
        each.close()
    assert sum(asked) == 30
    assert max(asked) > 1


def test_where_memory_ends_batches_get_smaller() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout.splitlines()
    assert said[0].startswith("times8: no memory for 256 at once; 64 now")
    assert said[-1] == "gave up"


@pytest.mark.parametrize(
    ("backend", "default", "wanted"),
    [("tensorflow", "True", "False"), ("jax", "None", "float32")],
)
def test_float32_is_whole_also_where_a_gpu_would_shorten_it(
    backend: str, default: str, wanted: str
) -> None:
    """To TF32, by default."""
    python = Path(sys.executable)
    if backend != "tensorflow":
        python = ROOT / f".venv-{backend}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment with Keras on {backend}: make .venv-{backend}/.ready")
    look = f"print({FLOAT32[backend]})"
    make = "from server.gpu.keras import KerasNetworks; KerasNetworks()"
    program = "\n".join([look, make, look])
    done = subprocess.run(
        [str(python), "-c", program],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [default, wanted]
