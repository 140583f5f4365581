"""What a GPU makes of it: faces and 720p frames a second beside the CPU's TFLite path.

On TensorFlow, which writes the full model's TFLite file to compare with.
Where there is no GPU the same is run small on the CPU, which shows that it works and nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare import write
from benchmarks.machine import setting
from benchmarks.options import line, option
from benchmarks.peers.side import ROOT
from convert import inspect
from models import registry
from server.analysis.runtimes.tflite import TfliteRuntime
from server.config import Settings
from server.gpu import device
from server.gpu.client import NetworksProcess
from server.gpu.keras import KerasNetworks, KerasRuntime

SIZES = (1, 4, 16, 64, 256)
CORES = 2  # of the CPU path
WANTED = 20.0  # times that, for the full model
ON_TFLITE = f"tflite on {CORES} cores"
FULL_FACES = "faces, meso3-full"


@dataclass(frozen=True, slots=True)
class Row:
    """`batch`: faces at once, or checks at a time. `of_peak`: of the float32 multiply-adds that the
    device reached in a large matrix product."""

    what: str
    on: str
    batch: int
    per_s: float
    of_peak: float | None = None


@dataclass(frozen=True, slots=True)
class Options:
    results: Path | None = option("a table to write", None)


def main(options: Options) -> bool:
    """Measure, print, and write `options.results`. False if there is a GPU and it misses WANTED."""
    gpu = device.gpus() > 0
    sizes = SIZES if gpu else SIZES[:3]
    seconds = 10.0 if gpu else 2.0
    if not gpu:
        print("no GPU here: a small run on the CPU, which shows that it works and not how fast")
    rows = []
    for row in chain(_frames(sizes[: 4 if gpu else 2], seconds), _faces(sizes, seconds)):
        rows.append(row)
        share = "" if row.of_peak is None else f", {row.of_peak:.1%} of the device's peak"
        print(f"{row.what}, {row.on}, {row.batch} at once: {row.per_s:.1f} a second{share}")
    if options.results:
        about = setting(line(options), ("keras", device.backend(), "ai-edge-litert"))
        write([asdict(row) for row in rows], about, options.results)
    full = [row for row in rows if row.what == FULL_FACES]
    best = {on: max(row.per_s for row in full if row.on == on) for on in {row.on for row in full}}
    times = max(rate for on, rate in best.items() if on != ON_TFLITE) / best[ON_TFLITE]
    print(f"the full model: {times:.1f} times the CPU path on {CORES} cores; wanted: {WANTED:g}")
    return not gpu or times >= WANTED


def _faces(sizes: tuple[int, ...], seconds: float) -> Iterator[Row]:
    """Classifiers alone. The full model has random weights, which take as long as trained ones."""
    from convert import tflite
    from models import meso

    networks = KerasNetworks()
    on = f"keras with {device.backend()} on the {networks.device}"
    peak = _peak_macs(4096 if networks.device == "gpu" else 1024)
    spec = registry.spec("meso3")
    file, runtime = spec.file("float32"), networks.open("meso3")
    assert isinstance(runtime, KerasRuntime)
    yield from _tflite_faces("faces, meso3", file, seconds)
    share = inspect.inspect(file).macs / peak
    small = runtime, spec.input_px
    yield from _keras_faces("faces, meso3", on, small, share, sizes, seconds)
    model = meso.meso3_full()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "meso3-full.tflite"
        file.write_bytes(tflite.export(model, "float32"))
        yield from _tflite_faces(FULL_FACES, file, seconds)
        share = inspect.inspect(file).macs / peak
    full = KerasRuntime(model), meso.FULL_INPUT_PX
    yield from _keras_faces(FULL_FACES, on, full, share, sizes, seconds)


def _keras_faces(
    what: str,
    on: str,
    network: tuple[KerasRuntime, int],
    of_peak: float,
    sizes: tuple[int, ...],
    seconds: float,
) -> Iterator[Row]:
    """`of_peak`: the share of a second that one face's multiply-adds take at the peak."""
    runtime, side_px = network
    for size in sizes:
        per_s = size * _rate(runtime, (size, side_px, side_px, 3), seconds)
        yield Row(what, on, size, per_s, per_s * of_peak)


def _tflite_faces(what: str, file: Path, seconds: float) -> Iterator[Row]:
    runtime = TfliteRuntime(file, CORES)
    side_px = int(runtime.details()[0]["shape"][1])
    for size in (1, 16):
        per_s = size * _rate(runtime, (size, side_px, side_px, 3), seconds)
        yield Row(what, ON_TFLITE, size, per_s)


def _rate(runtime: Any, shape: tuple[int, ...], seconds: float) -> float:
    """Batches a second, with the copies to the device and back."""
    batch = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    runtime.run(batch)
    start, done = time.monotonic(), 0
    while time.monotonic() < start + seconds or not done:
        runtime.run(batch)
        done += 1
    return done / (time.monotonic() - start)


def _peak_macs(side: int) -> float:
    """Multiply-adds a second of a float32 matrix product."""
    from keras import ops

    matrix = ops.ones((side, side), "float32")
    best = float("inf")
    for _ in range(5):
        start = time.monotonic()
        product = matrix
        for _ in range(4):
            product = ops.matmul(product, matrix)
        float(ops.convert_to_numpy(product[0, 0]))
        best = min(best, (time.monotonic() - start) / 4)
    return side**3 / best


def _frames(checks: tuple[int, ...], seconds: float) -> Iterator[Row]:
    """Whole frames: found, cut out and scored, by as many checks at a time."""
    yield Row("720p frames", ON_TFLITE, CORES, _together(None, CORES, seconds))
    with closing(NetworksProcess(Settings(backend="keras"))) as process:
        process.wait()
        for count in checks:
            on = f"keras with {device.backend()}"
            yield Row("720p frames", on, count, _together(process, count, seconds))


def _together(process: NetworksProcess | None, count: int, seconds: float) -> float:
    """Frames a second of `count` clients."""
    clients = []
    for _ in range(count):
        ends = process.connect() if process else None
        given = (ends.connection, ends.memory) if ends else ()
        command = [sys.executable, "-m", "benchmarks.gpu_client", str(seconds), *map(str, given)]
        clients.append(
            subprocess.Popen(
                command,
                cwd=ROOT,
                pass_fds=given,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
        if ends:
            ends.close()
    for client in clients:
        assert client.stdout
        assert client.stdout.readline() == "ready\n", "a client did not start"
    said = [client.communicate("go\n")[0] for client in clients]
    return sum(json.loads(each)[0] for each in said) / seconds
