"""Three hundred damaged files: each gives frames or a named error, in bounded time and memory."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from server.analysis.video import MediaReader
from server.errors import AppError
from tests.heif import tiled
from tests.media import clip, moving, picture

COUNT = 300
LIMIT_S = 20.0  # for one file of a few kilobytes, on a busy machine
MEMORY_BYTES = 4 << 30


def seeds(folder: Path, face: np.ndarray) -> list[Path]:
    """One small sound file of each kind."""
    size = (96, 64)
    videos = ["mp4", "webm", "mkv", "ts", "avi", "flv", "gif", "apng"]
    made = [clip(folder / f"seed.{ending}", moving(face, 12, size)) for ending in videos]
    muxing = {"movflags": "frag_keyframe+empty_moov"}
    made.append(clip(folder / "fragments.mp4", moving(face, 12, size), muxing=muxing))
    made.append(clip(folder / "animated.webp", moving(face, 12, size), codec="libwebp_anim"))
    made.append(clip(folder / "moving.avif", moving(face, 12, size), codec="libsvtav1"))
    made.append(tiled(folder / "tiles.heic", face[:120, :180], 64))
    small = face[::8, ::8]
    return [
        *made,
        *(picture(folder / f"still.{ending}", small) for ending in ("jpg", "png", "webp")),
    ]


def flip_bits(data: bytearray, rng: np.random.Generator) -> None:
    for at in rng.integers(0, len(data), rng.integers(1, 30)):
        data[at] ^= 1 << rng.integers(0, 8)


def set_extremes(data: bytearray, rng: np.random.Generator) -> None:
    """Lengths and counts are where parsers break; most stand near the start."""
    for at in rng.integers(0, min(len(data), 600), rng.integers(1, 6)):
        data[at : at + 4] = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"][rng.integers(3)]


def overwrite(data: bytearray, rng: np.random.Generator) -> None:
    at, length = rng.integers(0, len(data)), int(rng.integers(1, 400))
    data[at : at + length] = rng.bytes(length)


def cut_out(data: bytearray, rng: np.random.Generator) -> None:
    at = rng.integers(0, len(data))
    del data[at : at + int(rng.integers(1, 400))]


def repeat(data: bytearray, rng: np.random.Generator) -> None:
    start, at = rng.integers(0, len(data), 2)
    data[at:at] = data[start : start + int(rng.integers(1, 2000))]


def cut_off(data: bytearray, rng: np.random.Generator) -> None:
    del data[rng.integers(1, len(data)) :]


MUTATIONS: list[Callable[[bytearray, np.random.Generator], None]] = [
    flip_bits,
    set_extremes,
    overwrite,
    cut_out,
    repeat,
    cut_off,
]


def examine(paths: list[Path], results: Connection) -> None:
    """In a process of its own, for a decoder may crash: what reading each file comes to."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    for path in paths:
        try:
            with MediaReader(path) as reader:
                frames = 0
                for frame in reader.frames(5, 50):
                    frames += frame.rgb.shape == (reader.info.height_px, reader.info.width_px, 3)
            results.send(f"{frames} frames" if frames else "leaked an empty result")
        except AppError as error:
            results.send(type(error).__name__)
        except BaseException as error:  # noqa: BLE001 - exactly what must not happen
            results.send(f"leaked {error!r}")
    results.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_damaged_files_give_frames_or_a_named_error(tmp_path: Path, astronaut: np.ndarray) -> None:
    rng = np.random.default_rng(20261123)
    originals = seeds(tmp_path, astronaut)
    paths = []
    for number in range(COUNT):
        original = originals[number % len(originals)]
        data = bytearray(original.read_bytes())
        MUTATIONS[number // len(originals) % len(MUTATIONS)](data, rng)
        paths.append(tmp_path / f"{number}-{original.name}")
        paths[-1].write_bytes(data)

    spawn = multiprocessing.get_context("spawn")
    results, sender = spawn.Pipe(duplex=False)
    child = spawn.Process(target=examine, args=(paths, sender))
    child.start()
    sender.close()
    outcomes = {}
    try:
        for path in paths:
            started = time.monotonic()
            assert results.poll(LIMIT_S + 20 * (not outcomes)), f"{path.name} hangs"
            try:
                outcomes[path.name] = results.recv()
            except EOFError:
                child.join()
                pytest.fail(f"{path.name} killed the decoder: exit code {child.exitcode}")
            assert time.monotonic() - started < LIMIT_S + 20
    finally:
        child.kill()
        child.join()
        results.close()
    leaks = {name: outcome for name, outcome in outcomes.items() if outcome.startswith("leaked")}
    assert not leaks
    with_frames = sum("frames" in outcome for outcome in outcomes.values())
    assert with_frames > COUNT / 3, "damage that nothing survives would prove little"
    assert with_frames < COUNT, "damage that all survive would prove little"
    print(f"{with_frames} of {COUNT} gave frames, the others a named error")
