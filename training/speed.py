"""What a face costs: TFLite files one beside the other, in turn, on one thread."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from server.analysis.runtimes.tflite import TfliteRuntime

ROUNDS = 300
WARM_UP = 20


def milliseconds(files: Mapping[str, tuple[Path, int]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median CPU time of one face, in ms, by name; `files` gives each path and its input side.

    One crop a call, one thread. CPU time of this thread, and all models in turn within each round,
    so that what else the machine does weighs on all alike.
    """
    rng = np.random.default_rng(0)
    runtimes = {name: TfliteRuntime(path, threads=1) for name, (path, _) in files.items()}
    crops = {
        name: rng.uniform(-1, 1, (1, side, side, 3)).astype(np.float32)
        for name, (_, side) in files.items()
    }
    spent: dict[str, list[float]] = {name: [] for name in files}
    for round_ in range(WARM_UP + rounds):
        for name, runtime in runtimes.items():
            before = time.thread_time()
            runtime.run(crops[name])
            if round_ >= WARM_UP:
                spent[name].append((time.thread_time() - before) * 1e3)
    return {name: float(np.median(values)) for name, values in spent.items()}
