"""The compressed pictures of a file, in groups that can be decoded on their own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

# A clock that goes back by more has started anew, as in spliced broadcasts; in these it also may go
# ahead. Elsewhere a long step is a long picture.
BACK_S, AHEAD_S = 0.1, 10.0
SPLICED = ("mpegts", "mpeg")
Group: TypeAlias = "list[Packet[Stream]]"  # Packet is generic for type checkers only

GROUP_PACKETS = 512  # held back at most while looking for the next key picture


class Packets:
    """Iterates over the packets of `stream`.

    end_s: the latest timestamp that any sound or picture reached, in seconds; -inf before that.
    last_s: that of the pictures alone, without how long the last one is shown.
    pause_s: the longest time from one picture to the next.
    broken: whether reading stopped at damage, or the last packet was not whole.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.end_s = self.last_s = float("-inf")
        self.pause_s = 0.0
        self.broken = False
        self._container = container
        self._stream = stream
        self._ahead_s = AHEAD_S if container.format.name in SPLICED else math.inf
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
        if self._last is not None:
            step = packet.dts + self._shift - self._last
            step_s = float(step * packet.time_base)
            if not -BACK_S <= step_s <= self._ahead_s:
                self._shift += (packet.duration or 0) - step
            else:
                self.pause_s = max(self.pause_s, step_s)
        self._last = packet.dts + self._shift
        packet.dts = self._last
        if packet.pts is not None:
            packet.pts += self._shift

    def _note_end(self, packet: Packet[Stream]) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            return
        self.end_s = max(self.end_s, float((stamp + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index == self._stream.index:
            self.last_s = max(self.last_s, float(stamp * packet.time_base))


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
