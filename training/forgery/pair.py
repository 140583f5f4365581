"""A fake beside the real that it was made of, and what is foreign in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Forgery:
    """`real` and `fake` uint8 [S, S, 3]; `mask` float32 [S, S] in 0..1: how foreign each pixel of
    the fake is. Where it is 0, both pictures are the same."""

    real: Uint8
    fake: Uint8
    mask: Float32


def laid_over(source: Uint8, target: Uint8, mask: Float32) -> Forgery:
    """The fake in which `source` covers `target` as much as `mask` tells."""
    over = target.astype(np.float32)
    over += (source.astype(np.float32) - over) * mask[..., None]
    return Forgery(target, np.clip(np.rint(over), 0, 255).astype(np.uint8), mask)
