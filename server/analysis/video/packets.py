"""The compressed pictures of a file, in groups that can be decoded on their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

JUMP_S = 0.1  # a clock that goes back by more has started anew (spliced transport streams)
Group: TypeAlias = "list[Packet[Stream]]"  # Packet is generic for type checkers only

GROUP_PACKETS = 512  # held back at most while looking for the next key picture


class Packets:
    """Iterates over the packets of `stream`.

    end_s: the latest timestamp that any sound or picture reached, in seconds; -inf before that.
    broken: whether reading stopped at damage, or the last packet was not whole.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.end_s = float("-inf")
        self.broken = False
        self._container = container
        self._stream = stream
        self._shift = 0
        self._last: int | None = None

    def __iter__(self) -> Iterator[Packet[Stream]]:
        try:
            for packet in self._container.demux(self._stream, *self._container.streams.audio):
                if packet.size == 0 and packet.dts is None:
                    continue  # asks a decoder for its last pictures; the caller does that
                self.broken = packet.is_corrupt
                wanted = packet.stream_index == self._stream.index
                if wanted:
                    self._continue_clock(packet)
                self._note_end(packet)
                if wanted:
                    yield packet
        except av.FFmpegError:
            self.broken = True

    def _continue_clock(self, packet: Packet[Stream]) -> None:
        """Where the clock starts anew, go on from where it was, as players do."""
        if packet.dts is None:
            return
        dts = packet.dts + self._shift
        if self._last is not None and dts < self._last - JUMP_S / packet.time_base:
            self._shift += self._last - dts + (packet.duration or 0)
        self._last = packet.dts + self._shift
        packet.dts = self._last
        if packet.pts is not None:
            packet.pts += self._shift

    def _note_end(self, packet: Packet[Stream]) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            self.end_s = max(self.end_s, float((stamp + (packet.duration or 0)) * packet.time_base))


def groups(packets: Iterable[Packet[Stream]]) -> Iterator[tuple[Group, Packet[Stream] | None]]:
    """(packets from one key picture to the next, the next key packet or None)."""
    group: Group = []
    for packet in packets:
        if group and (packet.is_keyframe or len(group) >= GROUP_PACKETS):
            yield group, packet if packet.is_keyframe else None
            group = []
        group.append(packet)
    if group:
        yield group, None


def decode(codec: VideoCodecContext, packet: Packet[Any] | None) -> list[VideoFrame]:
    """The pictures that `packet` completes, none if it is damaged; None asks for the last ones."""
    try:
        return codec.decode(packet)
    except MemoryError:  # an FFmpegError too, and no damage
        raise
    except av.FFmpegError:
        return []
