"""What a codec, and whatever else a picture meets on its way, leaves of a crop, uint8 RGB [S, S, 3]
to the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import av
import cv2
import numpy as np

from models.preprocess import resize
from server.analysis.records import Uint8
from training.data import crops as data

# x264's macroblock tree reads memory that it never wrote (seen with AVX-512 and B frames): now
# and then two streams of the same frames differ, which would tell a fake from its real.
REPEATABLE = {"mbtree": "0"}


def jpeg(quality: int, crop: Uint8) -> Uint8:
    _, encoded = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.decode(encoded.tobytes())


def webp(quality: int, crop: Uint8) -> Uint8:
    _, encoded = cv2.imencode(".webp", crop[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])
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


def h264_clip(crf: int, frames: Sequence[Uint8], which: int, preset: str = "medium") -> Uint8:
    """Frame `which` of a stream of `frames`, uint8 RGB [S, S, 3] each with an even S.

    The first is a key frame, the others are predicted from their neighbours on both sides: what
    nearly all frames of a video are, and what a single crop cannot show.
    """
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width = encoder.height = frames[0].shape[0]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    encoder.options = {"crf": str(crf), "preset": preset, **REPEATABLE}
    decoder = av.CodecContext.create("h264", "r")
    encoder.thread_count = decoder.thread_count = 1
    packets = []
    for time, frame in enumerate(frames):
        yuv = cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420)
        given = av.VideoFrame.from_ndarray(np.asarray(yuv, np.uint8), format="yuv420p")
        given.pts = time
        packets += encoder.encode(given)
    packets += encoder.encode(None)
    pictures = [picture for packet in (*packets, None) for picture in decoder.decode(packet)]
    return np.asarray(cv2.cvtColor(pictures[which].to_ndarray(), cv2.COLOR_YUV2RGB_I420), np.uint8)


Treatment = Callable[[Uint8], Uint8]  # of one crop uint8 [S, S, 3]


def smaller(share: float, crop: Uint8) -> Uint8:
    """As if the face had been that much smaller in its frame."""
    return resize(resize(crop, max(8, round(crop.shape[0] * share))), crop.shape[0])


def blurred(sigma_px: float, crop: Uint8) -> Uint8:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma_px), np.uint8)


def noisy(deviation: float, crop: Uint8) -> Uint8:
    grain = np.random.default_rng(int(crop.sum())).normal(0, deviation, crop.shape)
    return (crop + grain).clip(0, 255).astype(np.uint8)


def brighter(factor: float, crop: Uint8) -> Uint8:
    return (crop * factor).clip(0, 255).astype(np.uint8)


TREATMENTS: dict[str, tuple[Callable[..., Uint8], tuple[float, ...]]] = {
    "JPEG quality": (jpeg, (95, 70, 50, 30)),
    "H.264 CRF": (h264, (23, 28, 34, 40)),
    "scale": (smaller, (0.75, 0.5, 0.25)),
    "blur, px": (blurred, (0.5, 1.0, 2.0)),
    "noise": (noisy, (2.0, 5.0, 10.0)),
    "brightness": (brighter, (0.5, 0.75, 1.25, 1.5)),
}
