"""A TFLite file as the service runs it: logits [N, 1] of crops float32 [N, S, S, 3]."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.serve import Call, serve
from server.analysis.runtimes.tflite import TfliteEach


def make(path: str, threads: int) -> Call:
    return TfliteEach(Path(path), threads).run


if __name__ == "__main__":
    serve(make, ("ai-edge-litert", "numpy"))
