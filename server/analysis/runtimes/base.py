"""The pipeline's one interface to whatever executes its networks."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Runtime(Protocol):
    """One loaded network. An instance belongs to one thread."""

    name: str  # "tflite", "keras": what /healthz and the result report

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map float32 [N, H, W, C] to float32 [N, ...]. The answer is the caller's to keep."""
        ...


class RuntimeFailed(Exception):
    """A runtime gave up for good, its process or its memory; another one may do the work."""


class Networks(Protocol):
    """What opens networks somewhere else than here, such as on a GPU."""

    def open(self, network: str) -> Runtime:
        """The runtime of `proposals` (the P-Net over a whole pyramid, see cascade.at_once), `rnet`,
        `onet` or a registered classifier. It takes any number of inputs; raises RuntimeFailed.
        """
        ...
