"""Lengths and counts that a header states wrongly, and clocks that jump: nothing is hidden by them.

Matroska's stated duration is in test_video.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from server.analysis.video import MediaReader
from tests.media import clip, number_of, numbered

COUNT, FPS = 120, 30
LENGTH_S = COUNT / FPS
PIECES = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
# Where a duration stands in a box, counted from its name.
DURATIONS = {b"mvhd": 20, b"tkhd": 24, b"mdhd": 20, b"elst": 12}


def film(path: Path, muxing: dict[str, str] | None = None) -> Path:
    return clip(path, numbered(COUNT), fps=FPS, options={"g": "12"}, muxing=muxing)


def whole(path: Path) -> MediaReader:
    """The reader of `path`, of which every second picture was read."""
    with MediaReader(path) as reader:
        frames = list(reader.frames(FPS / 2, 10_000))
    assert [number_of(frame.rgb) for frame in frames] == list(range(0, COUNT, 2))
    assert reader.info.kind == "video"
    return reader


def edited(data: bytes, boxes: tuple[bytes, ...], value: int) -> bytes:
    changed = bytearray(data)
    for kind in boxes:
        at = data.find(kind)
        if at >= 0:
            struct.pack_into(">I", changed, at + DURATIONS[kind], value)
    return bytes(changed)


@pytest.mark.parametrize("muxing", [None, PIECES])
@pytest.mark.parametrize("value", [0, 1, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("boxes", [(b"mvhd",), (b"mdhd",), (b"mvhd", b"tkhd", b"mdhd")])
def test_mp4(
    tmp_path: Path, boxes: tuple[bytes, ...], value: int, muxing: dict[str, str] | None
) -> None:
    path = film(tmp_path / "a.mp4", muxing)
    path.write_bytes(edited(path.read_bytes(), boxes, value))
    length_s = whole(path).info.duration_s
    assert length_s is not None
    if value < 0x7FFFFFFF:
        assert length_s == pytest.approx(LENGTH_S, abs=0.1)
    else:
        assert length_s >= LENGTH_S - 0.1


@pytest.mark.parametrize("boxes", [(b"elst",), tuple(DURATIONS)])
def test_an_edit_list_of_no_length_hides_nothing(tmp_path: Path, boxes: tuple[bytes, ...]) -> None:
    path = film(tmp_path / "a.mp4")
    path.write_bytes(edited(path.read_bytes(), boxes, 0))
    assert whole(path).info.duration_s == pytest.approx(LENGTH_S, abs=0.1)


def flv(data: bytes, stated_s: float) -> bytes:
    at = data.index(b"duration\0") + 9
    return data[:at] + struct.pack(">d", stated_s) + data[at + 8 :]


def mkv(data: bytes, stated_s: float) -> bytes:
    stated = b"\x44\x89\x88"
    at = data.index(stated + struct.pack(">d", LENGTH_S * 1000)) + 3
    return data[:at] + struct.pack(">d", stated_s * 1000) + data[at + 8 :]


def avi(data: bytes, stated_s: float) -> bytes:
    frames = struct.pack("<I", max(0, round(stated_s * FPS)))
    main, stream = data.index(b"avih") + 24, data.index(b"strh") + 40
    return data[:main] + frames + data[main + 4 : stream] + frames + data[stream + 4 :]


def wmv(data: bytes, stated_s: float) -> bytes:
    at = data.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")) + 64
    return data[:at] + struct.pack("<q", round(stated_s * 1e7)) + data[at + 8 :]


@pytest.mark.parametrize("stated_s", [-LENGTH_S, 0, 1 / FPS, 0.5])
@pytest.mark.parametrize("change", [flv, mkv, avi, wmv])
def test_other_headers_that_state_too_little(
    tmp_path: Path, change: Callable[[bytes, float], bytes], stated_s: float
) -> None:
    path = tmp_path / f"a.{change.__name__}"
    codec = "wmv2" if change is wmv else None
    clip(path, numbered(COUNT), fps=FPS, options={"g": "12"}, codec=codec)
    path.write_bytes(change(path.read_bytes(), stated_s))
    reader = whole(path)
    assert reader.info.duration_s == pytest.approx(LENGTH_S, abs=0.1)
    assert not reader.cut_short


@pytest.mark.parametrize("change", [flv, mkv, avi, wmv])
def test_other_headers_that_state_too_much(
    tmp_path: Path, change: Callable[[bytes, float], bytes]
) -> None:
    """What was claimed and is missing is told: a file that was cut short looks the same."""
    path = tmp_path / f"a.{change.__name__}"
    codec = "wmv2" if change is wmv else None
    clip(path, numbered(COUNT), fps=FPS, options={"g": "12"}, codec=codec)
    path.write_bytes(change(path.read_bytes(), 90_000))
    reader = whole(path)
    assert reader.cut_short


def test_a_film_has_the_length_of_what_is_there_from_the_start(tmp_path: Path) -> None:
    """Where the header states nothing that can be: before any sample is asked for."""
    path = film(tmp_path / "a.mkv")
    for stated_s in (-LENGTH_S, 0.0, float("nan"), float("inf")):
        odd = tmp_path / "b.mkv"
        odd.write_bytes(mkv(path.read_bytes(), stated_s))
        with MediaReader(odd) as reader:
            assert reader.info.duration_s == pytest.approx(LENGTH_S, abs=0.1)
            assert len(list(reader.key_frames(4))) == 4


def test_a_last_picture_is_shown_until_the_stated_end(tmp_path: Path) -> None:
    """Where pictures come unevenly, their rate does not tell how long the last one is."""
    times_s = [0.0, 0.501, 1.254, 2.414, 3.675, 4.343, 4.943]
    path = clip(tmp_path / "a.mkv", numbered(7), fps=1, times_s=times_s)
    data = path.read_bytes()
    at = data.index(b"\x44\x89\x88") + 3  # the duration
    path.write_bytes(data[:at] + struct.pack(">d", 4999.0) + data[at + 8 :])
    with MediaReader(path) as reader:
        assert len(list(reader.frames(3, 100))) == 7
    assert reader.info.duration_s == pytest.approx(4.999)


def test_one_timestamp_far_off_does_not_thin_out_the_others(tmp_path: Path) -> None:
    times_s = [n / 10 for n in range(40)] + [200_000.0]
    path = clip(tmp_path / "a.mkv", numbered(41), times_s=times_s)
    with MediaReader(path) as reader:
        seen = [number_of(frame.rgb) for frame in reader.frames(10, 50)]
    assert seen == list(range(41))


@pytest.mark.parametrize("ahead_s", [-7, 7000])
def test_a_broadcast_whose_clock_jumps_goes_on_counting(tmp_path: Path, ahead_s: int) -> None:
    """As where a programme was spliced in."""
    times = [10_000 + n / 25 for n in range(100)]
    later = [time_s + ahead_s for time_s in times[50:]]
    one = clip(tmp_path / "one.ts", numbered(50), times_s=times[:50]).read_bytes()
    two = clip(tmp_path / "two.ts", numbered(50, start=50), times_s=later).read_bytes()
    (tmp_path / "both.ts").write_bytes(one + two)
    with MediaReader(tmp_path / "both.ts") as reader:
        frames = list(reader.frames(5, 30))
    assert [number_of(frame.rgb) for frame in frames] == pytest.approx(range(0, 100, 5), abs=2)
    assert [frame.time_s for frame in frames] == pytest.approx([n / 5 for n in range(20)], abs=0.1)


@pytest.mark.parametrize("part", [0.3, 0.6])
def test_a_broadcast_that_starts_in_the_middle(tmp_path: Path, part: float) -> None:
    """Before the first key picture nothing can be shown; the first that can is at 0."""
    data = film(tmp_path / "a.ts").read_bytes()
    path = tmp_path / "b.ts"
    path.write_bytes(data[int(len(data) * part) :])
    with MediaReader(path) as reader:
        frames = list(reader.frames(1000, 1000))
        numbers = [number_of(frame.rgb) for frame in frames]
        assert numbers == list(range(numbers[0], COUNT))
        assert frames[-1].time_s - frames[0].time_s == pytest.approx((len(frames) - 1) / FPS)
        assert frames[0].time_s < 0.5
