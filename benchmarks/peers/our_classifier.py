"""A TFLite file as the service runs it: logits [N, 1] of crops float32 [N, S, S, 3]."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.peers.serve import Call, serve
from server.analysis.runtimes.tflite import TfliteRuntime
from server.analysis.scoring import BATCHES


def make(path: str, threads: int) -> Call:
    runtime, each = TfliteRuntime(Path(path), threads), BATCHES[-1]
    return lambda crops: np.concatenate(
        [runtime.run(crops[start : start + each]) for start in range(0, len(crops), each)]
    )


if __name__ == "__main__":
    serve(make, ("ai-edge-litert", "numpy"))
