"""Files that are not what they seem: a named error or the pictures they hold, and nothing else."""

from __future__ import annotations

import http.server
import os
import socket
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from server.analysis.records import Frame
from server.analysis.video import MediaReader
from server.errors import (
    CorruptMedia,
    EmptyFile,
    NotFound,
    NotMedia,
    NoVideo,
    TooLarge,
    Unreadable,
)
from tests.media import clip, moving, number_of, numbered, picture, tone, truncated

EVERY = 1000.0
SMALL = (160, 120)


def read(path: Path, samples_per_s: float = EVERY) -> tuple[list[Frame], bool]:
    with MediaReader(path) as reader:
        return list(reader.frames(samples_per_s, 10_000)), reader.cut_short


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# Not media ---------------------------------------------------------------------------------------


def test_paths_that_lead_to_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    refused = {
        "missing.mp4": NotFound,
        "missing/clip.mp4": NotFound,
        ".": Unreadable,
        "pipe": Unreadable,
        "socket": Unreadable,
        "nul\0l": Unreadable,
        "x" * 300: Unreadable,
    }
    for name, error in refused.items():
        with pytest.raises(error) as caught:
            MediaReader(tmp_path / name)
        assert caught.value.detail
    with pytest.raises(Unreadable):
        MediaReader(Path("/dev/zero"))


def test_a_file_of_someone_else(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mp4", b"secret")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        tmp_path.chmod(0o755)
        for parent in list(tmp_path.parents)[:2]:
            parent.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(Unreadable, match="Permission denied"):
            MediaReader(path)
    finally:
        os.seteuid(user)


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(EmptyFile):
        MediaReader(written(tmp_path / "a.mp4", b""))


def test_files_of_other_kinds(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "text" * 1000)
    noise = np.random.default_rng(0)
    others = [
        b"x",
        b"plain text\n" * 1000,
        b"<!doctype html><html><title>a page</title><video src=a.mp4></video></html>" * 50,
        b'{"json": [1, 2, 3]}' * 100,
        b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n" * 200,
        b"\x7fELF\x02\x01\x01" + bytes(5000),
        b"1\n00:00:01,000 --> 00:00:02,000\nsubtitles\n" * 20,
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        (tmp_path / "a.zip").read_bytes(),
        bytes(100_000),
        b"\xff" * 100_000,
        *(noise.bytes(size) for size in (10, 1000, 100_000, 1_000_000)),
    ]
    for name in ("a.bin", "a.mp4", "a.jpg", "a.txt"):
        for data in others:
            with pytest.raises((NotMedia, CorruptMedia, NoVideo)) as caught:
                MediaReader(written(tmp_path / name, data))
            assert caught.value.detail
    for data in others[:9]:  # what is plainly something else is called so
        with pytest.raises(NotMedia):
            MediaReader(written(tmp_path / "a.mp4", data))


def test_sound_without_a_picture(tmp_path: Path) -> None:
    for ending in ("mp3", "m4a", "mkv"):
        with pytest.raises(NoVideo):
            MediaReader(tone(tmp_path / f"a.{ending}"))


def test_the_cover_of_a_song_is_no_video(tmp_path: Path, astronaut: np.ndarray) -> None:
    cover = picture(tmp_path / "cover.jpg", astronaut).read_bytes()
    frame = b"\0image/jpeg\0\x03\0" + cover
    tag = b"APIC" + struct.pack(">IH", len(frame), 0) + frame
    sizes = bytes(len(tag) >> shift & 0x7F for shift in (21, 14, 7, 0))
    song = b"ID3\x03\0\0" + sizes + tag + tone(tmp_path / "a.mp3").read_bytes()
    with pytest.raises(NoVideo):
        MediaReader(written(tmp_path / "song.mp3", song))


# Too large ---------------------------------------------------------------------------------------


def png(width: int, height: int) -> bytes:
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


@pytest.mark.parametrize("side", [8000, 30_000, 2**31 - 1])
def test_pictures_that_claim_to_be_huge(tmp_path: Path, side: int) -> None:
    with pytest.raises(TooLarge, match=str(side)):
        MediaReader(written(tmp_path / "a.png", png(side, side)))


def test_other_formats_that_claim_to_be_huge(tmp_path: Path, astronaut: np.ndarray) -> None:
    jpeg = bytearray(picture(tmp_path / "a.jpg", astronaut).read_bytes())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    gif = bytearray(clip(tmp_path / "a.gif", [astronaut[:64, :64]] * 2).read_bytes())
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    extended = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xfe\xff\xff" * 2
    lossless = b"WEBPVP8L" + struct.pack("<IB", 100, 0x2F) + b"\xff" * 4 + bytes(95)
    for name, data in {
        "a.jpg": bytes(jpeg),
        "a.gif": bytes(gif),
        "a.webp": b"RIFF" + struct.pack("<I", len(extended) + 4) + extended,
        "b.webp": b"RIFF" + struct.pack("<I", len(lossless) + 4) + lossless,
    }.items():
        with pytest.raises(TooLarge):
            MediaReader(written(tmp_path / name, data))


def test_videos_that_claim_to_be_huge(tmp_path: Path) -> None:
    raw = b"YUV4MPEG2 W8000 H8000 F25:1 Ip A1:1 C420jpeg\nFRAME\n" + bytes(100_000)
    with pytest.raises(TooLarge):
        MediaReader(written(tmp_path / "a.y4m", raw))

    wide = [np.zeros((300, 16_384, 3), np.uint8)]
    data = clip(tmp_path / "a.mkv", wide, codec="ffv1", pixels="yuv444p").read_bytes()
    sizes, huge = b"\xb0\x82\x40\x00\xba\x82\x01\x2c", b"\xb0\x82\xff\xff\xba\x82\xff\xff"
    assert data.count(sizes) == 1  # Matroska's PixelWidth and PixelHeight
    with pytest.raises(CorruptMedia, match="larger than"):  # FFmpeg keeps such a size to itself
        MediaReader(written(tmp_path / "a.mkv", data.replace(sizes, huge)))


# Nothing else is opened --------------------------------------------------------------------------


@pytest.fixture
def internal_service(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """(address, paths asked for) of a server that would serve a real clip."""
    segment = clip(tmp_path / "segment.ts", numbered(25)).read_bytes()
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(segment)))
            self.end_headers()
            self.wfile.write(segment)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/secret.ts", asked
        server.shutdown()
        thread.join()


@pytest.mark.attack
@pytest.mark.parametrize("target", ["http", "passwd", "sibling", "relative"])
def test_playlists_are_not_followed(
    tmp_path: Path, internal_service: tuple[str, list[str]], target: str
) -> None:
    address, asked = internal_service
    url = {
        "http": address,
        "passwd": "file:///etc/passwd",
        "sibling": str(tmp_path / "segment.ts"),
        "relative": "segment.ts",
    }[target]
    playlists = [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
        f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n',
        f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n",
        f"ffconcat version 1.0\nfile '{url}'\n",
        f"file '{url}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        f'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">'
        f'<Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL></Representation>'
        f"</AdaptationSet></Period></MPD>",
        f"[playlist]\nFile1={url}\nNumberOfEntries=1\n",
    ]
    for name in ("a.m3u8", "a.mp4", "a.concat", "a.sdp", "a.mpd"):
        for text in playlists:
            with pytest.raises(NotMedia):
                MediaReader(written(tmp_path / name, text.encode()))
    assert asked == []
    if target == "sibling":
        with av.open(str(written(tmp_path / "a.m3u8", playlists[0].encode()))) as container:
            assert container.streams.video, "plain FFmpeg follows it"


@pytest.mark.attack
def test_a_movie_that_refers_to_another_file_shows_nothing_of_it(tmp_path: Path) -> None:
    """QuickTime's data references can name a file that holds the pictures."""
    raw = {"codec": "rawvideo", "pixels": "rgb24"}  # so that every picture has the same place
    other = clip(tmp_path / "other.mov", numbered(5, start=100), **raw)
    data = bytearray(clip(tmp_path / "a.mov", numbered(5), **raw).read_bytes())
    target = os.fsencode(other)
    alias = b"alis" + bytes(4 + 150)
    alias += struct.pack(">HH", 2, len(target)) + target + b"\0" * (len(target) % 2)
    alias += struct.pack(">hH", -1, 0)
    at = data.rindex(b"dref") + 12  # its first entry: "in this very file"
    grown = len(alias) + 4 - int.from_bytes(data[at : at + 4], "big")
    data[at : at + 12] = struct.pack(">I", len(alias) + 4) + alias
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        size_at = data.rindex(box, 0, at) - 4
        size = int.from_bytes(data[size_at : size_at + 4], "big")
        data[size_at : size_at + 4] = struct.pack(">I", size + grown)
    path = written(tmp_path / "b.mov", bytes(data))
    with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
        frame = next(container.decode(video=0))
        assert number_of(frame.to_ndarray(format="rgb24")) >= 100, "the attack works without us"
    with pytest.raises(CorruptMedia):
        MediaReader(path)


@pytest.mark.attack
def test_file_names_have_no_meaning(
    tmp_path: Path, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither numbered pictures, nor protocols, nor an ending that lies."""
    for number in range(3):
        picture(tmp_path / f"a{number}.jpg", astronaut)
    monkeypatch.chdir(tmp_path)
    jpeg = (tmp_path / "a0.jpg").read_bytes()
    for name in ("a%d.jpg", "a*.jpg", "concat:a0.jpg|a1.jpg", "http:", "-", "pipe:0", "a.m3u8"):
        frames, _ = read(written(Path(name), jpeg))
        assert len(frames) == 1
    with pytest.raises(NotFound):
        MediaReader(Path("b%d.jpg"))
    with pytest.raises(NotFound):
        MediaReader(Path("http://127.0.0.1:1/a.mp4"))


# Damage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm", "ts", "avi", "flv"])
@pytest.mark.parametrize("part", [0.47, 0.83])
@pytest.mark.parametrize("sound", [False, True])
def test_a_video_cut_short_gives_what_it_holds(
    tmp_path: Path, astronaut: np.ndarray, ending: str, part: float, sound: bool
) -> None:
    muxing = {"movflags": "+faststart"} if ending in ("mp4", "mov") else {}
    path = clip(
        tmp_path / f"a.{ending}",
        moving(astronaut, 150, SMALL),
        sound=sound,
        options={"g": "10"},  # so that pictures are spread evenly over the bytes
        muxing=muxing,
    )
    whole, cut_short = read(path)
    assert not cut_short
    frames, cut_short = read(truncated(path, part))
    assert cut_short
    assert len(whole) * (part - 0.35) < len(frames) < len(whole)
    some, cut_short = read(truncated(path, part), samples_per_s=3)
    assert cut_short
    assert len(some) > 1


def test_fragments_cut_short(tmp_path: Path, astronaut: np.ndarray) -> None:
    """MP4 as sites stream it: the header comes first, whatever follows."""
    muxing = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    path = clip(
        tmp_path / "a.mp4", moving(astronaut, 150, SMALL), muxing=muxing, options={"g": "30"}
    )
    frames, cut_short = read(path)
    assert (len(frames), cut_short) == (150, False)
    frames, cut_short = read(truncated(path, 0.7))
    assert 60 < len(frames) < 150
    assert cut_short


def test_a_video_without_its_index_is_damaged(tmp_path: Path, astronaut: np.ndarray) -> None:
    path = truncated(clip(tmp_path / "a.mp4", moving(astronaut)), 0.8)
    with pytest.raises(CorruptMedia, match="again"):
        MediaReader(path)


def test_a_photo_cut_short_shows_what_is_there(tmp_path: Path, astronaut: np.ndarray) -> None:
    path = picture(tmp_path / "a.jpg", astronaut)
    (whole,), cut_short = read(path)
    assert not cut_short
    (part,), cut_short = read(truncated(path, 0.6))
    assert cut_short
    assert np.array_equal(part.rgb[:200], whole.rgb[:200])


@pytest.mark.parametrize("ending", ["gif", "apng", "webp"])
def test_an_animation_cut_short_gives_what_it_holds(tmp_path: Path, ending: str) -> None:
    codec = "libwebp_anim" if ending == "webp" else None
    path = clip(tmp_path / f"a.{ending}", numbered(50), fps=25, codec=codec)
    assert read(path)[1] is False
    frames, cut_short = read(truncated(path, 0.6))
    assert cut_short
    assert [number_of(frame.rgb) for frame in frames[:-1]] == list(range(len(frames) - 1))
    assert 20 <= len(frames) < 50


@pytest.mark.parametrize("ending", ["png", "webp"])
def test_pictures_that_need_their_end(tmp_path: Path, astronaut: np.ndarray, ending: str) -> None:
    with pytest.raises(CorruptMedia):
        MediaReader(truncated(picture(tmp_path / f"a.{ending}", astronaut), 0.6))


def test_a_thumbnail_inside_a_photo_is_not_its_end(tmp_path: Path, astronaut: np.ndarray) -> None:
    small = picture(tmp_path / "small.jpg", astronaut[::8, ::8]).read_bytes()
    photo = picture(tmp_path / "a.jpg", astronaut).read_bytes()
    segment = b"\xff\xe1" + struct.pack(">H", len(small) + 8) + b"Thumb\0" + small
    photo = photo[:2] + segment + photo[2:]
    assert read(written(tmp_path / "b.jpg", photo))[1] is False
    assert read(written(tmp_path / "b.jpg", photo + b"a phone's motion clip" * 1000))[1] is False
    assert read(written(tmp_path / "b.jpg", photo[: len(photo) * 2 // 3]))[1] is True


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "ts", "avi"])
def test_damage_in_the_middle_costs_only_what_it_hits(
    tmp_path: Path, astronaut: np.ndarray, ending: str
) -> None:
    path = clip(tmp_path / f"a.{ending}", moving(astronaut, 240, SMALL), options={"g": "30"})
    data = bytearray(path.read_bytes())
    middle, length = len(data) // 2, len(data) // 20
    data[middle : middle + length] = np.random.default_rng(0).bytes(length)
    whole, _ = read(path)
    frames, _ = read(written(tmp_path / f"b.{ending}", bytes(data)))
    assert len(frames) > 160
    by_time = {round(frame.time_s, 2): frame.rgb for frame in whole}
    # AVI has no timestamps: after a gap its pictures come earlier.
    for frame in frames[:60] if ending == "avi" else (*frames[:60], *frames[-20:]):
        assert np.array_equal(frame.rgb, by_time[round(frame.time_s, 2)])


def test_an_animation_damaged_in_the_middle(tmp_path: Path, astronaut: np.ndarray) -> None:
    path = clip(tmp_path / "a.webp", moving(astronaut, 50), codec="libwebp_anim")
    data = bytearray(path.read_bytes())
    at = [at for at in range(len(data)) if data[at : at + 4] == b"ANMF"][30]
    data[at + 32 : at + 44] = bytes(12)
    whole, _ = read(path)
    frames, cut_short = read(written(tmp_path / "b.webp", bytes(data)))
    assert len(frames) == 30
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(frames, whole, strict=False))
    assert cut_short


def test_a_video_of_no_length(tmp_path: Path, astronaut: np.ndarray) -> None:
    with MediaReader(clip(tmp_path / "a.mp4", moving(astronaut, 1))) as reader:
        assert reader.info.duration_s is not None
        assert len(list(reader.frames(3, 10))) == 1
    muxing = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    data = clip(tmp_path / "b.mp4", moving(astronaut, 5), muxing=muxing).read_bytes()
    with pytest.raises((CorruptMedia, NoVideo)):
        MediaReader(written(tmp_path / "c.mp4", data[: data.index(b"moof") - 4]))
