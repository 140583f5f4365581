"""The clip of the first-run page: a public-domain portrait, its face blended into itself.

Made by hand where it is to change, with the environment for training (CONTRIBUTING.md):

    python extension/sample.py extension/src/welcome/sample.webm
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from server.analysis.faces import FaceFinder
from training.selfblend import self_blend

Uint8 = NDArray[np.uint8]

SEED = 6  # the one of the first sixteen that is seen best
SIZE_PX = (480, 360)
FPS, SECONDS = 15, 8
PORTRAIT = (slice(0, 300), slice(70, 370))  # head and shoulders of scikit-image's astronaut
SIDE_PX = 360


def portrait(seed: int = SEED) -> Uint8:
    """The blended portrait, uint8 [SIDE_PX, SIDE_PX, 3]."""
    from skimage import data

    rgb = np.ascontiguousarray(data.astronaut()[PORTRAIT])
    rgb = cv2.resize(rgb, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    return self_blend(rgb, FaceFinder().find(rgb).landmarks[0], seed).rgb


def frames(rgb: Uint8) -> Iterator[Uint8]:
    """It sways a little, uint8 [360, 480, 3] each."""
    width, _ = SIZE_PX
    for i in range(FPS * SECONDS):
        turn = 2 * math.pi * i / (FPS * SECONDS)
        moved = cv2.getRotationMatrix2D((SIDE_PX / 2, SIDE_PX / 2), 3 * math.sin(2 * turn), 1)
        moved[:, 2] += (width - SIDE_PX) / 2 + 40 * math.sin(turn), 6 * math.cos(2 * turn)
        yield cv2.warpAffine(rgb, moved, SIZE_PX, borderMode=cv2.BORDER_REPLICATE)


def write(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *SIZE_PX, "yuv420p"
        stream.options = {"crf": "24", "b": "0", "row-mt": "0", "threads": "1"}
        for rgb in frames(portrait()):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
