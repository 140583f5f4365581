"""What one core of this machine can do at most: `python -m benchmarks.peers.peak`, as JSON."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from benchmarks.peers.serve import speaker

ROUNDS = 20
SIDE = 1024  # of the matrices that are multiplied
BYTES = 1 << 26  # copied; far more than any cache holds


def main() -> None:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import numpy as np

    one = np.ones((SIDE, SIDE), np.float32)
    product = one.copy()
    source = np.ones(BYTES, np.uint8)
    target = source.copy()
    speaker()(
        macs_per_s=SIDE**3 / _least_s(lambda: np.matmul(one, one, out=product)),
        bytes_per_s=2 * BYTES / _least_s(lambda: np.copyto(target, source)),  # read and written
    )


def _least_s(work: Callable[[], object]) -> float:
    """Of ROUNDS: what else the machine does can only add to it."""
    spent = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


if __name__ == "__main__":
    main()
