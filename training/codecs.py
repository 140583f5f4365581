"""What a codec leaves of a crop, uint8 RGB [S, S, 3] to the same."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from training import crops as data

Uint8 = NDArray[np.uint8]


def jpeg(quality: int, crop: Uint8) -> Uint8:
    _, encoded = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.decode(encoded.tobytes())


def h264(crf: int, crop: Uint8) -> Uint8:
    """The crop as a key frame of an H.264 stream of that constant rate factor."""
    side = crop.shape[0] // 2 * 2  # H.264 halves the colours
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width = encoder.height = side
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    encoder.options = {"crf": str(crf), "preset": "veryfast", "tune": "zerolatency"}
    encoder.thread_count = 1
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(crop[:side, :side]), format="rgb24")
    packets = [packet for given in (frame, None) for packet in encoder.encode(given)]
    decoder = av.CodecContext.create("h264", "r")
    pictures = [p for packet in (*packets, None) for p in decoder.decode(packet)]
    return np.asarray(pictures[0].to_ndarray(format="rgb24"), np.uint8)
