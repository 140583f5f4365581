"""What a TFLite file costs, in a process of its own: `python -m convert.measure FILE THREADS`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from convert.errors import ConversionError

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 30
LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class Cost:
    """The median of one crop in milliseconds, and the memory that loading and running added."""

    threads: int
    ms: float
    peak_mib: float


def cost(path: Path, threads: int) -> Cost:
    """Raises ConversionError if the file cannot be run."""
    command = [sys.executable, "-m", "convert.measure", str(path.resolve()), str(threads)]
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_S, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise ConversionError(f"{path} cannot be run: {error}") from error
    return Cost(**json.loads(done.stdout))


def _measure(path: Path, threads: int) -> Cost:
    from server.analysis.runtimes.tflite import TfliteRuntime, input_shape

    side_px = input_shape(path)[1]
    crop = np.random.default_rng(0).uniform(-1, 1, (1, side_px, side_px, 3)).astype(np.float32)
    before = _peak_kib()
    runtime = TfliteRuntime(path, threads)
    runtime.run(crop)
    spent = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        runtime.run(crop)
        spent.append((time.perf_counter() - start) * 1e3)
    return Cost(threads, round(float(np.median(spent)), 3), round((_peak_kib() - before) / 1024, 1))


def _peak_kib() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(Path(sys.argv[1]), int(sys.argv[2])))))
