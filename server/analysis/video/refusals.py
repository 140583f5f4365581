"""Files whose pictures decode to noise or to wrong colours, refused before anything is decoded.

Encrypted ones, and Dolby Vision whose colours only its own decoder can tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

from av.container import InputContainer

from server.analysis.video.files import FileEnds
from server.analysis.video.headers import TS_PACKETS
from server.analysis.video.isobmff import Box, boxes, content, inside
from server.errors import CopyProtected, NoVideo

PROTECTED = (
    "Its pictures are encrypted: only a player that has the key can show them. Check a copy "
    "without protection, or a screen recording."
)
MP4_ENTRIES = frozenset((b"encv", b"drmi"))  # common encryption; FairPlay
VIDEO_ENTRY_BYTES = 78  # of such an entry, before the boxes in it
DOLBY_BOXES = frozenset((b"dvcC", b"dvvC"))
DOLBY_PROFILES = (5, 10)  # of HEVC and AV1, that other players cannot show where 0 is "compatible"
# Objects of ASF: content encryption, and its extended form.
ASF_OBJECTS = (
    bytes.fromhex("fbb31122 23bd d211 b4b7 00a0c955fc6e"),
    bytes.fromhex("14e68a29 2226 174c b935 dae07ee9289c"),
)
# The head of a video packet in a program stream; two bits of the last byte tell.
PS_PACKET = re.compile(rb"\x00\x00\x01[\xe0-\xef]..([\x80-\xbf])", re.DOTALL)
PS_SCRAMBLED = 0x30
TS_SCRAMBLED = 0xC0
TS_PROGRAM = b"\x00\x02"  # where a packet's payload starts with the table of a program
TS_SAMPLE_AES = 0xDB  # in that table, Apple's encryption of H.264 within its packets
DOLBY_VISION = (
    "The video is Dolby Vision without a picture for other players (profile 5), which cannot be "
    "read here. Export it as HDR10, HLG or SDR."
)

Judge: TypeAlias = "Callable[[Path, FileEnds, InputContainer], bool]"


def refuse_unreadable(path: Path, ends: FileEnds, container: InputContainer) -> None:
    """Raise CopyProtected or NoVideo if the file, which `container` reads, is of these."""
    kind = container.format.name.partition(",")[0]
    judge = JUDGES.get(kind)
    if judge is not None and judge(path, ends, container):
        raise CopyProtected(PROTECTED)
    if kind == "mov" and _needs_dolby_vision(path, ends):
        raise NoVideo(DOLBY_VISION)


def _mp4(path: Path, ends: FileEnds, _: InputContainer) -> bool:
    """By the sample entries of each track: the first may be for a beginning without protection."""
    with path.open("rb") as file:
        return any(entry.kind in MP4_ENTRIES for entry in _sample_entries(file, ends.size))


def _needs_dolby_vision(path: Path, ends: FileEnds) -> bool:
    with path.open("rb") as file:
        for entry in _sample_entries(file, ends.size):
            for box in boxes(file, entry.start + VIDEO_ENTRY_BYTES, entry.end):
                if box.kind in DOLBY_BOXES:
                    record = content(file, box, 5).ljust(5, b"\0")
                    if record[2] >> 1 in DOLBY_PROFILES and record[4] >> 4 == 0:
                        return True
    return False


def _sample_entries(file: BinaryIO, size: int) -> Iterator[Box]:
    """How the samples of each track are coded."""
    whole = Box(b"", 0, size)
    for table in inside(file, whole, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        yield from boxes(file, table.start + 8, table.end)


def _matroska(_: Path, __: FileEnds, container: InputContainer) -> bool:
    """By what FFmpeg tells of the key that a track needs."""
    return any("enc_key_id" in stream.metadata for stream in container.streams.video)


def _transport_stream(_: Path, ends: FileEnds, container: InputContainer) -> bool:
    """By the type of a stream, or by most of its packets near the start."""
    pids = {stream.id for stream in container.streams.video}
    marks = []
    for packet in _transport_packets(ends.head):
        if _program_has(packet, TS_SAMPLE_AES):
            return True
        if int.from_bytes(packet[1:3], "big") & 0x1FFF in pids:
            marks.append(packet[3] & TS_SCRAMBLED)
    return _mostly(marks)


def _transport_packets(head: bytes) -> Iterator[bytes]:
    for size in TS_PACKETS:
        first = head.find(b"G", 0, size)
        if first >= 0 and head[first : first + 20 * size : size].strip(b"G") == b"":
            yield from (head[at : at + 188] for at in range(first, len(head) - 188, size))
            return


def _program_has(packet: bytes, wanted: int) -> bool:
    """Whether a transport packet holds a program's table with a stream of the type `wanted`."""
    if not packet[1] & 0x40 or packet[3] & 0x20 or packet[4:6] != TS_PROGRAM:
        return False
    table = packet[5:]
    end = min(3 + (int.from_bytes(table[1:3], "big") & 0xFFF) - 4, len(table) - 5)
    at = 12 + (int.from_bytes(table[10:12], "big") & 0xFFF)
    while at < end:
        if table[at] == wanted:
            return True
        at += 5 + (int.from_bytes(table[at + 3 : at + 5], "big") & 0xFFF)
    return False


def _program_stream(_: Path, ends: FileEnds, __: InputContainer) -> bool:
    return _mostly([found[1][0] & PS_SCRAMBLED for found in PS_PACKET.finditer(ends.head)])


def _mostly(marks: list[int]) -> bool:
    return 2 * sum(mark != 0 for mark in marks) > len(marks)


def _asf(_: Path, ends: FileEnds, __: InputContainer) -> bool:
    return any(found in ends.head for found in ASF_OBJECTS)


# By the first name of FFmpeg's demuxer.
JUDGES: dict[str, Judge] = {
    "mov": _mp4,
    "matroska": _matroska,
    "mpegts": _transport_stream,
    "mpeg": _program_stream,
    "asf": _asf,
}
