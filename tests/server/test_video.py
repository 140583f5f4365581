"""Frames and their times, from real clips of every kind."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from server.analysis.records import Frame
from server.analysis.video import MediaReader
from tests.media import clip, moving, number_of, numbered, picture

EVERY = 1000.0  # samples a second: every picture


def read(path: Path, samples_per_s: float = EVERY, max_samples: int = 10_000) -> list[Frame]:
    with MediaReader(path) as reader:
        return list(reader.frames(samples_per_s, max_samples))


def seen(frames: list[Frame]) -> list[tuple[int, float]]:
    return [(number_of(frame.rgb), round(frame.time_s, 2)) for frame in frames]


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm", "ts", "avi", "flv"])
def test_every_picture_has_its_time(tmp_path: Path, ending: str, sound: bool) -> None:
    path = clip(tmp_path / f"a.{ending}", numbered(50), fps=25, sound=sound)
    with MediaReader(path) as reader:
        frames = list(reader.frames(EVERY, 10_000))
        assert reader.info.kind == "video"
        assert (reader.info.width_px, reader.info.height_px) == (192, 64)
        assert reader.info.duration_s == pytest.approx(2, abs=0.1)
        assert not reader.cut_short
    assert [number_of(frame.rgb) for frame in frames] == list(range(50))
    assert [frame.index for frame in frames] == list(range(50))
    lead = frames[0].time_s  # sound may start a moment earlier (an encoder's run-up)
    assert 0 <= lead < 0.05
    assert [frame.time_s - lead for frame in frames] == pytest.approx(
        [n / 25 for n in range(50)], abs=0.002
    )


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "ts", "avi", "flv"])
def test_key_frames_are_spread_over_the_whole(tmp_path: Path, ending: str) -> None:
    path = clip(tmp_path / f"a.{ending}", numbered(200), fps=25, options={"g": "20"})
    with MediaReader(path) as reader:
        found = seen(list(reader.key_frames(4)))
        part = seen(list(reader.key_frames(3, 4.0, 6.0)))
        whole = dict(seen(list(reader.frames(EVERY, 10_000))))
    assert len(found) == 4
    assert all(whole[number] == time_s for number, time_s in found)
    assert found[0][0] <= 40
    assert found[-1][0] >= 140
    assert part
    assert all(3.1 < time_s <= 6 for _, time_s in part)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "ts", "avi", "flv", "webp", "gif"])
def test_with_the_key_frames_come_those_that_a_viewer_is_about_to_see(
    tmp_path: Path, ending: str
) -> None:
    codec = {"webp": "libwebp_anim"}.get(ending)
    path = clip(tmp_path / f"a.{ending}", numbered(100), fps=25, codec=codec)
    with MediaReader(path) as reader:
        keys = {frame.time_s for frame in reader.key_frames(4)}
        found = [frame.time_s for frame in reader.key_frames(4, 0, 3.6, watched_s=1.3)]
        assert {frame.time_s for frame in reader.key_frames(4, watched_s=60)} == keys
        alone = [frame.time_s for frame in reader.frames_ahead(2, 1.3)]
        assert not list(reader.frames_ahead(2, 60))
    assert found == sorted(set(found))
    ahead = [time_s for time_s in found if time_s not in keys]
    assert ahead == pytest.approx([1.3, 2.3, 3.3], abs=0.16)  # B frames are passed over
    assert alone == ahead[:2]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "flv", "ts", "h264", "y4m"])
@pytest.mark.parametrize("watched_s", [0.0, 2.1, 6.9, 7.5, 9.0])
def test_what_a_viewer_is_about_to_see_is_what_is_there(
    tmp_path: Path, ending: str, watched_s: float
) -> None:
    """Whether the file can be read from there on or not."""
    codec = {"h264": "libx264", "y4m": "wrapped_avframe"}.get(ending)
    options = {} if ending == "y4m" else {"g": "40", "bf": "0"}
    path = clip(tmp_path / f"a.{ending}", numbered(200), fps=25, codec=codec, options=options)
    with MediaReader(path) as reader:
        ahead = seen(list(reader.frames_ahead(3, watched_s)))
        there = seen(list(reader.frames(1, 3, watched_s, watched_s + 3)))
    assert ahead == there
    assert bool(ahead) == (watched_s < 8)


@pytest.mark.parametrize("ending", ["webp", "h264", "y4m"])
def test_where_seeking_does_not_work_there_are_few_key_frames_or_none(
    tmp_path: Path, ending: str
) -> None:
    codec = {"webp": "libwebp_anim", "h264": "libx264", "y4m": "wrapped_avframe"}[ending]
    path = clip(tmp_path / f"a.{ending}", numbered(50), fps=25, codec=codec)
    with MediaReader(path) as reader:
        keys = seen(list(reader.key_frames(4)))
        assert len(keys) <= 4
        assert keys == sorted(set(keys))
        assert len(list(reader.frames(5, 100))) == 10


@pytest.mark.parametrize("ending", ["gif", "apng", "webp", "h264", "mjpeg", "ivf", "y4m"])
def test_streams_without_a_clock_and_animations(tmp_path: Path, ending: str) -> None:
    codec = {"webp": "libwebp_anim", "h264": "libx264", "ivf": "libvpx", "y4m": "wrapped_avframe"}
    options = {"lossless": "1"} if ending == "webp" else {}
    path = clip(
        tmp_path / f"a.{ending}", numbered(50), fps=25, codec=codec.get(ending), options=options
    )
    assert seen(read(path)) == [(n, n / 25) for n in range(50)]
    assert seen(read(path, samples_per_s=5)) == [(n, n / 25) for n in range(0, 50, 5)]
    with MediaReader(path) as reader:
        assert reader.info.duration_s == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    ("ending", "codec", "options"),
    [
        ("mp4", "libx264", {"g": "12"}),
        ("mp4", "libx264", {"g": "12", "flags": "-cgop", "x264-params": "open-gop=1"}),
        ("mp4", "libx264", {"g": "300", "bf": "8"}),
        ("mp4", "libx265", {"g": "12"}),
        ("mp4", "mpeg4", {"g": "12", "bf": "2"}),
        ("mp4", "libsvtav1", {"g": "12", "preset": "12", "svtav1-params": "lp=1"}),
        ("ts", "libx264", {"g": "12"}),
        ("ts", "mpeg2video", {"g": "12", "bf": "2"}),
        ("mkv", "libx264", {"g": "12"}),
        ("webm", "libvpx-vp9", {"g": "12"}),
        ("webm", "libvpx", {"g": "12"}),
        ("gif", "gif", {}),
        ("apng", "apng", {}),
        ("avi", "mjpeg", {}),
    ],
)
def test_passing_over_pictures_changes_none_that_is_kept(
    tmp_path: Path, ending: str, codec: str, options: dict[str, str]
) -> None:
    """Thin sampling, which decodes only some groups of pictures, gives what full decoding gives."""
    path = clip(tmp_path / f"a.{ending}", numbered(240), codec=codec, options=options)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER, "an encoder made this a real-time process"
    everything = {round(frame.time_s, 4): frame.rgb for frame in read(path)}
    assert len(everything) == 240
    assert [number_of(rgb) for rgb in everything.values()] == list(range(240))
    for samples_per_s in (0.3, 1.1, 3, 12):
        frames = read(path, samples_per_s)
        times_s = np.array([frame.time_s for frame in frames])
        assert len(frames) >= 8 * samples_per_s - 1
        assert np.max(np.diff(times_s, append=8.0)) <= 1 / samples_per_s + 0.4
        for frame in frames:
            assert np.array_equal(frame.rgb, everything[round(frame.time_s, 4)])


def test_long_media_is_sampled_more_thinly_over_its_whole_length(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", numbered(300), options={"g": "30"})
    frames = read(path, samples_per_s=3, max_samples=5)
    assert [number_of(frame.rgb) for frame in frames] == [0, 60, 120, 180, 240]
    assert [number_of(f.rgb) for f in read(path, samples_per_s=3, max_samples=1)] == [0]


def test_only_what_is_needed_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two samples out of twenty groups: the other groups' packets are never decoded."""
    from server.analysis.video import source

    path = clip(tmp_path / "a.mp4", numbered(240), options={"g": "12"})
    fed = []
    decode = source.decode
    monkeypatch.setattr(source, "decode", lambda s, p: fed.append(p) or decode(s, p))
    with MediaReader(path) as reader:
        fed.clear()
        assert len(list(reader.frames(0.25, 100))) == 2
    assert len(fed) < 30


def test_variable_frame_rate(tmp_path: Path) -> None:
    times_s = [0, 0.1, 1, 1.5, 1.6, 1.7, 4, 4.02]
    for ending in ("mp4", "mkv", "webm"):
        path = clip(tmp_path / f"a.{ending}", numbered(8), times_s=times_s)
        assert seen(read(path)) == list(enumerate(times_s))
        assert seen(read(path, samples_per_s=1)) == [(0, 0), (2, 1), (6, 4)]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "ts"])
def test_a_picture_that_starts_after_the_sound_keeps_its_delay(tmp_path: Path, ending: str) -> None:
    times_s = [0.5 + n / 25 for n in range(25)]
    path = clip(tmp_path / f"a.{ending}", numbered(25), times_s=times_s, sound=True)
    assert read(path)[0].time_s == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "ts"])
def test_a_clock_that_does_not_start_at_zero(tmp_path: Path, ending: str) -> None:
    """A player's currentTime is 0 at the first picture of a cut-out piece."""
    times_s = [5 + n / 25 for n in range(25)]
    path = clip(tmp_path / f"a.{ending}", numbered(25), times_s=times_s)
    assert seen(read(path)) == [(n, n / 25) for n in range(25)]


def test_pictures_before_an_edit_lists_start_are_not_shown(tmp_path: Path) -> None:
    """As cutting without re-encoding leaves them: decoded for the sake of others, never shown."""
    whole = clip(tmp_path / "whole.mp4", numbered(50), fps=25, options={"bf": "0"})
    trimmed = tmp_path / "trimmed.mp4"
    muxing = {"avoid_negative_ts": "disabled"}
    with av.open(str(whole)) as given, av.open(str(trimmed), "w", options=muxing) as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.pts -= round(Fraction(10, 25) / packet.time_base)
                packet.dts = packet.pts
                packet.stream = stream
                made.mux(packet)
    assert seen(read(trimmed)) == [(n, (n - 10) / 25) for n in range(10, 50)]


def test_spliced_transport_streams_go_on_counting(tmp_path: Path) -> None:
    one = clip(tmp_path / "one.ts", numbered(50), fps=25).read_bytes()
    two = clip(tmp_path / "two.ts", numbered(50, start=50), fps=25).read_bytes()
    (tmp_path / "both.ts").write_bytes(one + two)
    frames = read(tmp_path / "both.ts", samples_per_s=5)
    assert [number_of(frame.rgb) for frame in frames] == pytest.approx(range(0, 100, 5), abs=2)
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(20) / 5, abs=0.1)


def test_duration_is_found_where_the_container_states_none(tmp_path: Path) -> None:
    """As a browser's recorder and live streams write WebM."""
    path = clip(tmp_path / "a.webm", numbered(50), fps=25, muxing={"live": "1"})
    with av.open(str(path)) as container:
        assert container.duration is None
    with MediaReader(path) as reader:
        assert reader.info.duration_s == pytest.approx(2, abs=0.05)
        assert len(list(reader.frames(EVERY, 5))) == 5


@pytest.mark.parametrize("stated_s", [0.01, 10_000])
def test_a_stated_duration_that_is_wrong_hides_nothing(tmp_path: Path, stated_s: float) -> None:
    path = clip(tmp_path / "a.mkv", numbered(240), options={"g": "12"})
    data = path.read_bytes()
    stated = b"\x44\x89\x88" + struct.pack(">d", 8000)  # Matroska's Duration, in ms
    assert data.count(stated) == 1
    path.write_bytes(data.replace(stated, stated[:3] + struct.pack(">d", stated_s * 1000)))
    with MediaReader(path) as reader:
        assert reader.info.duration_s == pytest.approx(stated_s)
    assert len(read(path, samples_per_s=3)) == 24
    assert [number_of(f.rgb) for f in read(path, 3, max_samples=4)] == [0, 60, 120, 180]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_of_the_container(
    tmp_path: Path, astronaut: np.ndarray, degrees: int, mirrored: bool
) -> None:
    face = astronaut[:320, :480:2]
    path = clip(tmp_path / "a.mp4", [face] * 3, rotation=degrees, mirrored=mirrored)
    turned = np.rot90(face, degrees // 90)
    upright = turned[:, ::-1] if mirrored else turned
    with MediaReader(path) as reader:
        frame = next(reader.frames(1, 1))
        assert frame.rgb.shape == upright.shape
        assert (reader.info.height_px, reader.info.width_px) == upright.shape[:2]
    assert distance(frame.rgb, upright) < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, astronaut: np.ndarray, orientation: int) -> None:
    """OpenCV, which reads EXIF on its own, is the judge."""
    path = picture(tmp_path / "a.jpg", astronaut[:320, :480:2])
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
    segment = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
    path.write_bytes(path.read_bytes()[:2] + segment + path.read_bytes()[2:])
    upright = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    (frame,) = read(path)
    assert frame.rgb.shape == upright.shape
    assert distance(frame.rgb, upright) < 3


def test_pixels_that_are_not_square(tmp_path: Path, astronaut: np.ndarray) -> None:
    squeezed = cv2.resize(astronaut, (360, 480), interpolation=cv2.INTER_AREA)
    path = clip(tmp_path / "a.mp4", [squeezed], pixel_shape=Fraction(4, 3))
    (frame,) = read(path)
    assert frame.rgb.shape == (480, 480, 3)
    assert distance(frame.rgb, cv2.resize(astronaut, (480, 480))) < 8


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p10le"),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.mkv", "libx264", "yuv444p"),
        ("a.mkv", "ffv1", "gray"),
        ("a.mkv", "ffv1", "gray16le"),
        ("a.mkv", "ffv1", "yuv422p12le"),
        ("a.mkv", "ffv1", "bgra"),
        ("a.webm", "libvpx-vp9", "yuva420p"),
        ("a.gif", "gif", "rgb8"),
        ("a.png", "png", "gray"),
        ("a.png", "png", "gray16be"),
        ("a.png", "png", "ya8"),
        ("a.png", "png", "rgba"),
        ("a.png", "png", "rgb48be"),
        ("a.png", "png", "monob"),
        ("a.jpg", "mjpeg", "yuvj444p"),
        ("a.webp", "libwebp", "bgra"),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(
    tmp_path: Path, astronaut: np.ndarray, name: str, codec: str, pixels: str
) -> None:
    """Odd sizes too, where the format allows them."""
    side = 256 if codec.startswith("libx") else 255
    face = np.ascontiguousarray(astronaut[:side, 100 : 100 + side])
    path = tmp_path / name
    if path.suffix in (".mp4", ".mkv", ".webm", ".gif"):
        clip(path, [face, face], codec=codec, pixels=pixels)
    else:
        picture(path, face, codec, pixels)
    frame = read(path)[0]
    assert frame.rgb.shape == face.shape
    assert frame.rgb.dtype == np.uint8
    if pixels.startswith(("gray", "ya8")):
        face = np.repeat(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    coarse = pixels in ("monob", "rgb8")
    assert distance(frame.rgb, face) < (130 if coarse else 6)


def test_grey_jpeg_and_palette_png(tmp_path: Path, astronaut: np.ndarray) -> None:
    grey = cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)
    cv2.imwrite(str(tmp_path / "a.jpg"), grey)
    assert distance(read(tmp_path / "a.jpg")[0].rgb, grey[..., None]) < 3

    colours = np.random.default_rng(1).integers(0, 256, (256, 3), np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in grey)  # grey values as palette indices
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 512, 512, 8, 3, 0, 0, 0)),
        (b"PLTE", colours.tobytes()),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts
    ]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    assert np.array_equal(read(tmp_path / "a.png")[0].rgb, colours[grey])


@pytest.mark.parametrize(("height", "matrix"), [(240, "smpte170m"), (720, "bt709")])
@pytest.mark.parametrize("tagged", [True, False])
def test_colours_as_a_browser_shows_them(
    tmp_path: Path, height: int, matrix: str, tagged: bool
) -> None:
    """Untagged video is BT.601 below 720 lines and BT.709 from there on."""
    luma = {"smpte170m": (0.299, 0.114), "bt709": (0.2126, 0.0722)}[matrix]
    skin = np.array([224, 172, 105], float)
    y = luma[0] * skin[0] + (1 - sum(luma)) * skin[1] + luma[1] * skin[2]
    cb, cr = (skin[2] - y) / (2 - 2 * luma[1]), (skin[0] - y) / (2 - 2 * luma[0])
    frame = av.VideoFrame(320, height, "yuv420p")
    for plane, value in zip(
        frame.planes, (16 + y * 219 / 255, 128 + cb * 224 / 255, 128 + cr * 224 / 255), strict=True
    ):
        plane.update(bytes([round(value)]) * plane.buffer_size)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, height, "yuv420p"
        if tagged:
            stream.codec_context.colorspace = {"smpte170m": 6, "bt709": 1}[matrix]
            frame.colorspace = {"smpte170m": 6, "bt709": 1}[matrix]
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert read(path)[0].rgb[height // 2, 160] == pytest.approx(skin, abs=3)


def test_a_picture_is_one_frame_at_time_zero(tmp_path: Path, astronaut: np.ndarray) -> None:
    for ending in ("jpg", "png", "webp", "bmp", "tiff"):
        with MediaReader(picture(tmp_path / f"a.{ending}", astronaut)) as reader:
            assert (reader.info.kind, reader.info.duration_s) == ("image", 0)
            (frame,) = reader.frames(3, 10)
            assert (frame.index, frame.time_s) == (0, 0)
            assert not reader.cut_short
        assert distance(frame.rgb, astronaut) < 6
    (frame,) = read(picture(tmp_path / "dot.png", astronaut[:1, :1]))
    assert frame.rgb.shape == (1, 1, 3)


def test_one_size_throughout(tmp_path: Path) -> None:
    """A transport stream may change its size; boxes of different frames must be comparable."""
    small = clip(tmp_path / "a.ts", numbered(25), fps=25).read_bytes()
    large = clip(tmp_path / "b.ts", numbered(25, (384, 128), start=25), fps=25).read_bytes()
    (tmp_path / "both.ts").write_bytes(small + large)
    frames = read(tmp_path / "both.ts")
    assert {frame.rgb.shape for frame in frames} == {(64, 192, 3)}
    assert {number_of(frame.rgb) for frame in frames} >= set(range(25, 50))


def decoding_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_decoding_stops_when_nobody_reads_on(tmp_path: Path, astronaut: np.ndarray) -> None:
    path = clip(tmp_path / "a.mp4", moving(astronaut, 100))
    with MediaReader(path) as reader:
        frames = reader.frames(EVERY, 1000)
        assert next(frames).time_s == 0
        assert len(decoding_threads()) == 1
    assert decoding_threads() == []
    assert list(frames) == []

    reader = MediaReader(path)
    with pytest.raises(ZeroDivisionError), reader:
        next(frame.index // 0 for frame in reader.frames(EVERY, 1000))
    assert decoding_threads() == []

    reader = MediaReader(path)
    for _ in reader.frames(EVERY, 1000):
        break  # and the generator is dropped
    assert decoding_threads() == []


def test_reading_again_starts_over(tmp_path: Path, astronaut: np.ndarray) -> None:
    path = clip(tmp_path / "a.mp4", moving(astronaut, 30))
    with MediaReader(path) as reader:
        first = next(reader.frames(EVERY, 1000))
        assert len(list(reader.frames(EVERY, 1000))) == 30
        assert np.array_equal(first.rgb, next(reader.frames(3, 1)).rgb)
    assert decoding_threads() == []


@pytest.mark.data
def test_the_clips_at_hand(shared_data: Path) -> None:
    for path in sorted((shared_data / "clips").rglob("*.*")):
        if path.suffix in (".mp4", ".webm", ".gif", ".mov", ".mkv", ".jpg", ".png"):
            with MediaReader(path) as reader:
                times_s = [frame.time_s for frame in reader.frames(1, 5)]
                assert reader.info.duration_s is not None
                assert 1 <= len(times_s) <= 5, path.name
                assert times_s == sorted(set(times_s)), path.name
                assert not reader.cut_short, path.name


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two pictures of the same size, 0..255."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())
