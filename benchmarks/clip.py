"""A video to measure with: the sample picture, drifting, for half a minute in 720p."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache

import av
import cv2
import numpy as np

from server.launch import SAMPLE

WIDTH, HEIGHT = 1280, 720  # pixels
SECONDS, PER_S = 30, 25


@cache
def make() -> bytes:
    """An MP4, H.264, with one face of about 150 px."""
    still = cv2.cvtColor(cv2.imread(str(SAMPLE)), cv2.COLOR_BGR2RGB)
    still = cv2.resize(still, None, fx=(scale := 600 / still.shape[0]), fy=scale)
    high, wide = still.shape[:2]
    scene = np.tile(np.linspace(40, 200, WIDTH, dtype=np.uint8)[None, :, None], (HEIGHT, 1, 3))
    output = io.BytesIO()
    with av.open(output, "w", format="mp4") as container:
        stream = container.add_stream("libx264", Fraction(PER_S), options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(SECONDS * PER_S):
            left = int((WIDTH - wide) * index / (SECONDS * PER_S))
            rgb = scene.copy()
            rgb[60 : 60 + high, left : left + wide] = still
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return output.getvalue()


def marked(clip: bytes, comment: bytes) -> bytes:
    """The same video in a file with other bytes: a box that players skip follows it."""
    return clip + (8 + len(comment)).to_bytes(4) + b"free" + comment
