"""The process that runs the full networks for many checks: batched, unharmed by what checks send,
and missed by nobody when it dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from models import registry
from server.analysis.runtimes.base import RuntimeFailed
from server.analysis.runtimes.tflite import TfliteRuntime
from server.config import ConfigError, Settings
from server.gpu import MEMORY_BYTES, channel, device
from server.gpu.channel import Channel
from server.gpu.client import Ends, NetworksProcess, wanted
from tests.media import clip
from tests.server.service import ROOT, Site, mentioning, running, until

slow = pytest.mark.slow


def test_no_framework_is_loaded_to_find_out_that_there_is_no_gpu() -> None:
    code = (
        "import sys\n"
        "from server.config import Settings\n"
        "from server.gpu.client import wanted\n"
        "wanted(Settings())\n"
        "print(sorted({'tensorflow', 'keras', 'jax', 'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.skipif(device.gpus() > 0, reason="there is a GPU here")
def test_without_a_gpu_auto_is_tflite() -> None:
    assert not wanted(Settings())
    assert not wanted(Settings(backend="tflite"))
    assert wanted(Settings(backend="keras"))


def test_a_framework_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "no_such_framework")
    assert not wanted(Settings())
    with pytest.raises(ConfigError, match="needs no_such_framework: start the service from"):
        wanted(Settings(backend="keras"))


@pytest.fixture(scope="module")
def process() -> Iterator[NetworksProcess]:
    with closing(NetworksProcess(Settings(backend="keras"))) as process:
        process.wait()
        yield process


def connect(process: NetworksProcess) -> Ends:
    ends = process.connect()
    assert ends is not None
    return ends


@pytest.fixture
def opened() -> Iterator[Callable[[Ends], Channel]]:
    """Makes lines, which are closed in the end."""
    lines: list[Channel] = []

    def open_line(ends: Ends) -> Channel:
        lines.append(Channel(ends.connection, ends.memory))
        return lines[-1]

    yield open_line
    for line in lines:
        line.close()


def crops(seed: int, count: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.uniform(-1, 1, (count, 160, 160, 3)).astype(np.float32)


@slow
def test_checks_that_ask_at_once_get_their_own_answers(
    process: NetworksProcess, opened: Callable[[Ends], Channel]
) -> None:
    expected = TfliteRuntime(registry.spec("meso3").file("float32"))
    lines = [opened(connect(process)) for _ in range(4)]

    def ask(number: int) -> None:
        runtime = lines[number % 4].open("meso3")  # two threads to each line
        for turn in range(3):
            batch = crops(10 * number + turn, 1 + (number + turn) % 3)
            np.testing.assert_allclose(runtime.run(batch), expected_of(batch), atol=1e-4)

    lock = threading.Lock()

    def expected_of(batch: np.ndarray) -> np.ndarray:
        with lock:
            return expected.run(batch)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(8)))


@slow
@pytest.mark.attack
@pytest.mark.parametrize(
    "packet",
    [
        b"\x80\x04\x95nonsense",
        b"{}",
        b"[1]",
        b'{"network": "meso3", "shape": [1, 160, 160]}',
        b'{"network": "meso3", "shape": [-1, -1, 160, 3]}',
        b'{"network": "meso3", "shape": [99999999, 160, 160, 3]}',
        b'{"network": "meso3", "shape": ["a", 2, 3, 4]}',
        b'{"network": "meso3", "shape": [1e999, 1, 1, 3]}',
        b'{"network": "../../etc/passwd", "shape": [1, 2, 2, 3]}',
        b'{"network": "no\\nname", "shape": [1, 2, 2, 3]}',
        b"[" * 4000,
    ],
)
def test_nonsense_ends_its_own_line_only(
    process: NetworksProcess, opened: Callable[[Ends], Channel], packet: bytes
) -> None:
    other = opened(connect(process))
    ends = connect(process)
    os.close(ends.memory)
    with socket.socket(fileno=ends.connection) as line:
        line.settimeout(60)
        line.send(packet)
        assert line.recv(100) == b""
    assert other.open("meso3").run(crops(1, 1)).shape == (1, 1)


@slow
@pytest.mark.attack
@pytest.mark.parametrize(
    ("network", "shape", "words"),
    [
        ("nobody", (1, 2, 2, 3), "no model called"),
        ("mtcnn", (1, 2, 2, 3), "no variant keras"),
        ("meso3", (1, 100, 160, 3), "takes no"),
        ("proposals", (1, 2000, 2, 3), "takes no"),
        ("proposals", (100_000, 1, 1, 3), "takes no"),
        ("rnet", (0, 1, 1, 0), "takes no"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(
    process: NetworksProcess,
    opened: Callable[[Ends], Channel],
    network: str,
    shape: tuple[int, ...],
    words: str,
) -> None:
    line = opened(connect(process))
    with pytest.raises(RuntimeFailed, match=words):
        line.open(network).run(np.zeros(shape, np.float32))
    assert line.open("rnet").run(np.zeros((2, 24, 24, 3), np.float32)).shape == (2, 5)


@slow
def test_a_late_answer_is_not_taken_for_another(
    process: NetworksProcess,
    opened: Callable[[Ends], Channel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "ANSWER_S", 0.2)
    line = opened(connect(process))
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(RuntimeFailed, match="silent"):
            line.open("rnet").run(np.zeros((2, 24, 24, 3), np.float32))
    finally:
        os.kill(process.pid, signal.SIGCONT)
    with pytest.raises(RuntimeFailed, match="silent"):
        line.open("meso3").run(crops(1, 1))


@slow
@pytest.mark.attack
def test_a_check_cannot_take_the_memory_away(process: NetworksProcess) -> None:
    ends = connect(process)
    for size in (0, 2 * MEMORY_BYTES):
        with pytest.raises(PermissionError):
            os.ftruncate(ends.memory, size)
    ends.close()


@slow
@pytest.mark.skipif(device.gpus() > 0, reason="there is a GPU here")
def test_a_framework_that_finds_no_gpu_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    with closing(NetworksProcess(Settings(backend="auto"))) as process:
        process.wait()
        assert not process.ready
        assert process.connect() is None
        assert not psutil.pid_exists(process.pid)
    assert "finds no GPU that it can use; checks run on TFLite" in caplog.text


@slow
def test_one_that_cannot_start_costs_no_check(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "no_such_framework")
    with closing(NetworksProcess(Settings(backend="keras"))) as process:
        process.wait()
        assert process.connect() is None
    assert "ended early; checks run on TFLite" in caplog.text


@slow
def test_checks_run_on_keras_and_go_on_without_it(tmp_path: Path, astronaut: np.ndarray) -> None:
    places = range(0, 84, 3)
    pictures = (cv2.resize(astronaut[:320, 50 + x : 370 + x], (480, 480)) for x in places)
    film = clip(tmp_path / "film.mp4", pictures, fps=4)
    settings = {"backend": "keras", "model": "meso3"}  # whose file rounds least
    site = Site(tmp_path / "site", **settings, workers=2, samples_per_s=4.0, cache_hours=0)
    site.settings.data_dir.mkdir(exist_ok=True)

    def start(backend: str = "auto") -> str:
        with film.open("rb") as file:
            data = {"backend": backend, "fresh": "true"}
            answer = site.post("/check-file?wait=0", files={"file": file}, data=data)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with running(site, "serve", "worker"):
        until(lambda: site.get("/healthz").json()["model"]["backend"] == "keras", 120)
        first = site.ended(start(), 120)
        assert first.result is not None, first.error
        assert first.result["model"]["backend"] == "keras"
        other = site.ended(start(backend="tflite"), 120)
        assert other.result is not None, other.error
        assert other.result["model"]["backend"] == "tflite"
        again = start()  # from the fork server, if that is warm by now
        until(lambda: site.job(again).progress > 0.1, 60)
        (networks,) = [
            each for each in mentioning("server.gpu.server") if each.ppid() == site.started[-1].pid
        ]
        networks.send_signal(signal.SIGKILL)
        job = site.ended(again, 120)
        assert job.result is not None, job.error
        assert (job.attempts, job.result["model"]["backend"]) == (1, "tflite")
        assert job.result["label"] == first.result["label"]
        assert abs(job.result["p_fake"] - first.result["p_fake"]) < 2e-3
        assert "on TFLite from here on" in site.log.read_text()
        until(lambda: site.get("/healthz").json()["model"]["backend"] == "tflite", 30)
        pid = site.started[-1].pid
    assert not psutil.pid_exists(pid)
    assert "Traceback" not in site.log.read_text()
