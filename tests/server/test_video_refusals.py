"""Encrypted files, and others that decode to noise, are refused for what they are."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from server.analysis.video import MediaReader
from server.errors import CopyProtected, NoVideo
from tests.media import clip, moving, numbered

LOCKED = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "01" * 16,
    "encryption_kid": "02" * 16,
}
PIECES = {"movflags": "frag_keyframe+empty_moov"}
TS_PACKET = 188
TRACKS = b"\x16\x54\xae\x6b"  # Matroska's


def refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(CopyProtected, match="without protection"):
        MediaReader(path)


@pytest.mark.parametrize("muxing", [{}, PIECES, {"movflags": "+faststart"}])
def test_common_encryption(tmp_path: Path, muxing: dict[str, str]) -> None:
    path = clip(tmp_path / "a.mp4", numbered(20), muxing={**LOCKED, **muxing})
    refused(path, path.read_bytes())


@pytest.mark.parametrize("entry", [b"encv", b"drmi"])
@pytest.mark.parametrize("muxing", [{}, PIECES])
def test_entries_without_what_would_explain_them(
    tmp_path: Path, entry: bytes, muxing: dict[str, str]
) -> None:
    """As other schemes and FairPlay write them, of which FFmpeg may know nothing."""
    data = clip(tmp_path / "a.mp4", numbered(20), muxing=muxing).read_bytes()
    at = data.index(b"avc1", data.index(b"stsd"))
    refused(tmp_path / "b.mp4", data[:at] + entry + data[at + 4 :])


def test_an_open_beginning_does_not_hide_the_rest(tmp_path: Path) -> None:
    """Two sample entries: the first for what comes before the protected part."""
    data = clip(tmp_path / "a.mp4", numbered(20)).read_bytes()
    at = data.index(b"stsd") - 4
    (size,) = struct.unpack_from(">I", data, at)
    entry = data[at + 16 : at + size]
    refused(tmp_path / "b.mp4", inserted(data, at + size, entry.replace(b"avc1", b"encv")))


def inserted(data: bytes, at: int, more: bytes) -> bytes:
    """An MP4 with its index at the end, with `more` at the end of its box `stsd` or within it."""
    grown = bytearray(data)
    for kind in (b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        place = data.rindex(kind, 0, at) - 4
        (size,) = struct.unpack_from(">I", data, place)
        struct.pack_into(">I", grown, place, size + len(more))
    return bytes(grown[:at] + more + grown[at:])


def test_a_protected_sound_does_not_matter(tmp_path: Path) -> None:
    data = clip(tmp_path / "a.mp4", numbered(20), sound=True).read_bytes()
    at = data.rindex(b"mp4a")
    path = tmp_path / "b.mp4"
    path.write_bytes(data[:at] + b"enca" + data[at + 4 :])
    with MediaReader(path) as reader:
        assert len(list(reader.frames(1000, 100))) == 20


def test_webm_encryption(tmp_path: Path) -> None:
    plain = {"live": "1", "write_crc32": "0"}
    data = clip(tmp_path / "a.webm", numbered(20), muxing=plain).read_bytes()
    key = element(b"\x47\xe2", b"0123456789abcdef")
    encryption = element(b"\x50\x35", b"\x47\xe1\x81\x05" + key)  # AES
    encoding = element(b"\x62\x40", b"\x50\x31\x81\0\x50\x32\x81\1\x50\x33\x81\1" + encryption)
    start, tracks, end = opened(data, data.rindex(TRACKS), TRACKS)
    entry_at, entry, entry_end = opened(tracks, 0, b"\xae")
    entry = element(b"\xae", entry + element(b"\x6d\x80", encoding))
    tracks = tracks[:entry_at] + entry + tracks[entry_end:]
    refused(tmp_path / "b.webm", data[:start] + element(TRACKS, tracks) + data[end:])


def opened(data: bytes, at: int, name: bytes) -> tuple[int, bytes, int]:
    """(start, content, end) of the EBML element `name`."""
    assert data.startswith(name, at)
    place = at + len(name)
    length = 9 - data[place].bit_length()
    size = int.from_bytes(data[place : place + length], "big") & ((1 << 7 * length) - 1)
    return at, data[place + length : place + length + size], place + length + size


def element(name: bytes, content: bytes) -> bytes:
    return name + (1 << 56 | len(content)).to_bytes(8, "big") + content


@pytest.mark.parametrize("lead", [0, 4])
def test_a_scrambled_broadcast(tmp_path: Path, lead: int) -> None:
    """Also with four bytes before each packet, as cameras and discs write it."""
    data = bytearray(clip(tmp_path / "a.ts", numbered(20)).read_bytes())
    for at in range(0, len(data), TS_PACKET):
        if int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF == 0x100:
            data[at + 3] |= 0x80
    packets = (bytes(data[at : at + TS_PACKET]) for at in range(0, len(data), TS_PACKET))
    refused(tmp_path / "b.ts", b"".join(bytes(lead) + packet for packet in packets))


def test_apples_encryption_of_segments(tmp_path: Path) -> None:
    data = bytearray(clip(tmp_path / "a.ts", numbered(20)).read_bytes())
    for table in tables(data):
        kind = table + 12 + int.from_bytes(data[table + 10 : table + 12], "big") % 0x1000
        assert data[kind] == 0x1B  # H.264
        data[kind] = 0xDB
        end = table + 3 + int.from_bytes(data[table + 1 : table + 3], "big") % 0x1000 - 4
        data[end : end + 4] = checksum(data[table:end]).to_bytes(4, "big")
    refused(tmp_path / "b.ts", bytes(data))


def tables(data: bytearray) -> Iterator[int]:
    """Where each table of a program is in a transport stream."""
    for at in range(0, len(data), TS_PACKET):
        if data[at + 1] & 0x40 and data[at + 4 : at + 6] == b"\0\2":
            yield at + 5


def checksum(data: bytes) -> int:
    """CRC-32 of MPEG-2."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


def test_a_scrambled_disc(tmp_path: Path) -> None:
    data = bytearray(clip(tmp_path / "a.vob", numbered(20), codec="mpeg2video").read_bytes())
    at = data.index(b"\0\0\1\xe0")
    while at >= 0:
        data[at + 6] |= 0x10
        at = data.find(b"\0\0\1\xe0", at + 1)
    refused(tmp_path / "b.vob", bytes(data))


def test_protected_windows_media(tmp_path: Path) -> None:
    data = clip(tmp_path / "a.wmv", numbered(20), codec="wmv2").read_bytes()
    encryption = bytes.fromhex("fbb31122 23bd d211 b4b7 00a0c955fc6e")
    object_ = encryption + struct.pack("<Q", 40) + bytes(16)
    size, count = struct.unpack_from("<QI", data, 16)
    head = struct.pack("<QI", size + len(object_), count + 1)
    refused(tmp_path / "b.wmv", data[:16] + head + data[28:30] + object_ + data[30:])


@pytest.mark.parametrize(("profile", "compatible"), [(5, 0), (8, 1), (8, 4), (7, 6)])
def test_dolby_vision(tmp_path: Path, profile: int, compatible: int) -> None:
    """Profile 5 has colours of its own; the others show HDR10, HLG or SDR to all players."""
    data = clip(tmp_path / "a.mp4", numbered(20)).read_bytes()
    record = bytes([1, 0, profile << 1, 0x2D, compatible << 4]) + bytes(19)
    box = struct.pack(">I", 8 + len(record)) + b"dvvC" + record
    stsd = data.index(b"stsd") - 4
    (size,) = struct.unpack_from(">I", data, stsd)
    path = tmp_path / "b.mp4"
    path.write_bytes(bytes(entry_grown(inserted(data, stsd + size, box), stsd, len(box))))
    if profile == 5:
        with pytest.raises(NoVideo, match="Dolby Vision"):
            MediaReader(path)
    else:
        with MediaReader(path) as reader:
            assert len(list(reader.frames(1000, 100))) == 20


def entry_grown(data: bytes, stsd: int, more: int) -> bytearray:
    """The first sample entry made to hold the `more` bytes that follow it."""
    grown = bytearray(data)
    (size,) = struct.unpack_from(">I", grown, stsd + 16)
    struct.pack_into(">I", grown, stsd + 16, size + more)
    return grown


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm", "ts", "vob", "wmv", "avi", "flv"])
def test_what_is_not_protected_is_read(tmp_path: Path, ending: str, astronaut: np.ndarray) -> None:
    codec = {"vob": "mpeg2video", "wmv": "wmv2"}.get(ending)
    path = clip(tmp_path / f"a.{ending}", moving(astronaut, 10), codec=codec, sound=ending != "vob")
    with MediaReader(path) as reader:
        assert len(list(reader.frames(1000, 100))) >= 9
