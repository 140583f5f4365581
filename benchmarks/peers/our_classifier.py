"""A TFLite file in our runtime, in one thread: logits [N, 1] of crops float32 [N, S, S, 3]."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.serve import Call, serve
from server.analysis.runtimes.tflite import TfliteRuntime


def make(path: str) -> Call:
    return TfliteRuntime(Path(path)).run


if __name__ == "__main__":
    serve(make, ("ai-edge-litert", "numpy"))
