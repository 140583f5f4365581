"""Real clips, made at test time: nothing of this is committed, and no ffmpeg program is needed.

`clip(path, pictures, ...)` encodes pictures (uint8 RGB) to a video; `picture(path, rgb)` writes one
still; `moving(face, ...)` makes pictures in which a face wanders over a plain ground, and
`numbered(...)` pictures of which each tells its own number (`number_of` reads it back), which is
how a test knows which one it was given. `repeated(...)` makes hours of a few seconds. `tone(path)`
is sound without a picture, and `truncated(path, part)` a copy that ends early. All return what they
made, so that calls nest: `truncated(clip(tmp_path / "a.mp4", moving(astronaut)), 0.5)`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

Rgb = np.ndarray  # uint8 [H, W, 3]

CODECS = {".webm": "libvpx-vp9", ".avi": "mpeg4", ".gif": "gif", ".apng": "apng", ".mjpeg": "mjpeg"}
PIXELS = {"gif": "rgb8", "apng": "rgb24", "mjpeg": "yuvj420p"}
SOUND = {".webm": "libopus", ".avi": "pcm_s16le", ".mp3": "mp3"}
STILLS = {".jpg": "mjpeg", ".png": "png", ".webp": "libwebp", ".bmp": "bmp", ".tiff": "tiff"}
STILL_PIXELS = {"mjpeg": "yuvj420p", "libwebp": "yuv420p", "bmp": "bgr24"}
SPEED = {
    "libx264": {"preset": "veryfast"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
}
BITS = 12  # of the number written by `numbered`


@contextmanager
def _usual_priority() -> Iterator[None]:
    """SVT-AV1's encoder turns whoever calls it into a real-time process, where it may, as for root.

    All that is started later would inherit that, and starve the machine.
    """
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


def clip(
    path: Path,
    pictures: Iterable[Rgb],
    *,
    fps: float = 30,
    times_s: Sequence[float] | None = None,
    codec: str | None = None,
    pixels: str | None = None,
    sound: bool = False,
    options: dict[str, str] | None = None,
    muxing: dict[str, str] | None = None,
    rotation: int = 0,
    mirrored: bool = False,
    pixel_shape: Fraction | None = None,
) -> Path:
    """Encode `pictures` into `path`; the ending of its name chooses the container.

    times_s: when each is shown (variable frame rate), instead of a steady `fps`.
    codec: FFmpeg's encoder; H.264, or what suits the container.
    pixels: pixel format, such as yuv420p10le.
    options, muxing: for the encoder, such as {"g": "15"}, and for the container, such as
    {"movflags": "+faststart"}.
    rotation: degrees counterclockwise by which a player turns the picture; mirrored: and mirrors.
    pixel_shape: width of a pixel in units of its height.
    """
    codec = codec or CODECS.get(path.suffix, "libx264")
    rate = Fraction(fps).limit_denominator(1001)
    pictures = iter(pictures)
    first = next(pictures)
    with _usual_priority(), av.open(str(path), "w", options=muxing or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = pixels or PIXELS.get(codec, "yuv420p")
        stream.codec_context.thread_count = 1
        stream.options = SPEED.get(codec, {}) | (options or {})
        if pixel_shape is not None:
            stream.codec_context.sample_aspect_ratio = pixel_shape
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        if times_s is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
            stream.codec_context.max_b_frames = 0  # MP4 states a wrong duration for them
        audio = container.add_stream(SOUND.get(path.suffix, "aac"), 48000) if sound else None
        count = 0
        for count, rgb in enumerate(_chain(first, pictures), start=1):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            if times_s is None:
                frame.pts, frame.time_base = count - 1, 1 / rate
            else:
                frame.pts, frame.time_base = round(times_s[count - 1] * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            seconds = times_s[-1] if times_s is not None else count / fps
            _add_tone(container, audio, seconds)
    return path


def repeated(source: Path, path: Path, times: int) -> Path:
    """`source` shown `times` times, one after another; nothing is encoded again."""
    with av.open(str(source)) as given, av.open(str(path), "w") as container:
        stream = given.streams.video[0]
        written = container.add_stream_from_template(stream)
        packets = [
            (bytes(packet), packet.pts, packet.dts, packet.duration, packet.is_keyframe)
            for packet in given.demux(stream)
            if packet.dts is not None
        ]
        span = sum(duration for _, _, _, duration, _ in packets)
        for shift in range(0, times * span, span):
            for content, pts, dts, duration, key in packets:
                packet = av.Packet(content)
                packet.stream, packet.time_base = written, stream.time_base
                packet.pts, packet.dts, packet.duration = pts + shift, dts + shift, duration
                packet.is_keyframe = key
                container.mux(packet)
    return path


def picture(path: Path, rgb: Rgb, codec: str | None = None, pixels: str | None = None) -> Path:
    """Write one picture as JPEG, PNG or WebP, by the ending of the name."""
    codec = codec or STILLS[path.suffix]
    encoder = av.CodecContext.create(codec, "w")
    encoder.height, encoder.width = rgb.shape[:2]
    encoder.pix_fmt = pixels or STILL_PIXELS.get(codec, "rgb24")
    encoder.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    frame.pts = 0
    path.write_bytes(b"".join(bytes(p) for f in (frame, None) for p in encoder.encode(f)))
    return path


def tone(path: Path, seconds: float = 1) -> Path:
    """Sound without a picture."""
    with av.open(str(path), "w") as container:
        _add_tone(
            container,
            container.add_stream(SOUND.get(path.suffix, "aac"), 48000),
            seconds,
        )
    return path


def truncated(path: Path, part: float) -> Path:
    """A copy of `path` that holds the first `part` (0..1) of its bytes."""
    data = path.read_bytes()
    cut = path.with_name(f"cut-{path.name}")
    cut.write_bytes(data[: int(len(data) * part)])
    return cut


def moving(face: Rgb, count: int = 30, size: tuple[int, int] = (320, 240)) -> Iterator[Rgb]:
    """`count` pictures of `size` (width, height) px in which `face` wanders from left to right."""
    width, height = size
    side = min(size) * 3 // 4
    rows = np.arange(side) * face.shape[0] // side
    columns = np.arange(side) * face.shape[1] // side
    small = face[rows][:, columns]
    for index in range(count):
        x = (width - side) * index // max(1, count - 1)
        y = (height - side) // 2
        rgb = np.full((height, width, 3), 96, np.uint8)
        rgb[y : y + side, x : x + side] = small
        yield rgb


def numbered(count: int, size: tuple[int, int] = (192, 64), start: int = 0) -> Iterator[Rgb]:
    """`count` pictures that show their number as a row of black and white bars."""
    width, height = size
    for number in range(start, start + count):
        bars = np.array([255 * (number >> bit & 1) for bit in range(BITS)], np.uint8)
        row = bars[np.arange(width) * BITS // width]
        yield np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def number_of(rgb: Rgb) -> int:
    """The number that a picture of `numbered` shows."""
    width = rgb.shape[1]
    middle = rgb[rgb.shape[0] // 2, :, 1]
    centres = [(2 * bit + 1) * width // (2 * BITS) for bit in range(BITS)]
    return sum(1 << bit for bit, x in enumerate(centres) if middle[x] > 127)


def _chain(first: Rgb, rest: Iterable[Rgb]) -> Iterator[Rgb]:
    yield first
    yield from rest


def _add_tone(
    container: av.container.OutputContainer, stream: av.AudioStream, seconds: float
) -> None:
    rate, block = 48000, 1024
    wave = np.sin(np.arange(block) * 2 * math.pi * 440 / rate).astype(np.float32) / 4
    for index in range(math.ceil(seconds * rate / block)):
        frame = av.AudioFrame.from_ndarray(wave[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, index * block, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
