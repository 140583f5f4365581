"""Decoding with FFmpeg: what a file holds, and the wanted ones of its pictures."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from server.analysis.records import MediaInfo, Uint8
from server.analysis.video.container import (
    MAX_PIXELS,
    check_size,
    open_container,
    video_stream,
)
from server.analysis.video.files import FileEnds
from server.analysis.video.headers import ends_early, exif_orientation, picture_size
from server.analysis.video.packets import GROUP_PACKETS, SPLICED, Packets, decode, groups
from server.analysis.video.refusals import refuse_unreadable
from server.analysis.video.sampling import Sampler
from server.analysis.video.upright import Colours, Orientation, Upright
from server.errors import CorruptMedia

# Pictures that no other needs are skipped where at least this many are shown per one that is
# wanted; with fewer, those left would lie unevenly.
SKIP_FROM = 4
# Containers that state a duration; for others it is estimated from what is there.
STATE_DURATION = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "flv", "asf")
MISSING_S = 0.5  # a file that holds this much less than it states was cut short
LONGEST_S = 366 * 86400.0  # what states more states a number below 0, or damage
WIDEST_PIXEL = 4  # pixels less square than this are damage


class VideoSource:
    """A video or picture read by FFmpeg; construction decodes its first picture.

    Raises NotMedia, NoVideo, CopyProtected, TooLarge or CorruptMedia.
    """

    def __init__(self, path: Path, ends: FileEnds) -> None:
        self.cut_short = False
        self._path = path
        self._ends = ends
        self._open = partial(open_container, path)
        claimed = picture_size(ends.head)
        if claimed is not None:
            check_size(*claimed)
        try:
            self._look()
        except CorruptMedia:  # an edit list may claim that nothing is shown
            self._open = partial(open_container, path, edited=False)
            self._look()

    def _look(self) -> None:
        """Find out what the file is, by its first picture."""
        with self._open() as container:
            refuse_unreadable(self._path, self._ends, container)
            stream = video_stream(container)
            self._fps = float(stream.guessed_rate or stream.average_rate or 25)
            self._origin_s = _origin_s(container, stream)
            colours = Colours.of(stream)
            first = _first_frame(container, stream)
            self._stamped = first.pts is not None
            self._upright = _upright(first, stream, exif_orientation(self._ends.head), colours)
            self.info = self._describe(container, stream)
        if self.info.kind == "video" and not self.info.duration_s:
            self.length_s()

    def length_s(self) -> float:
        """How long what the file holds is shown, by its packets; nothing is decoded.

        A header may state anything: one that claims hours must not thin out the samples of a short
        clip, and one that claims a second must not hide the rest of a long one. Nor must one
        timestamp: a pause that is most of the length does not count. Corrects `info` where the file
        lasts longer than its header states.
        """
        with self._open() as container:
            packets = Packets(container, video_stream(container))
            count = sum(1 for _ in packets)
        length_s = count / self._fps
        if self._stamped:
            last_s, stated_s = packets.last_s - self._origin_s, self.info.duration_s or 0.0
            length_s = last_s + 1 / self._fps
            if last_s < stated_s < length_s:  # pictures need not all be shown equally long
                length_s = stated_s
            if packets.pause_s > length_s / 2:
                length_s -= packets.pause_s
        if length_s - (self.info.duration_s or 0.0) > min(MISSING_S, length_s / 2):
            self.info = replace(self.info, duration_s=length_s)
        return length_s

    def pictures(
        self, sampler: Sampler, seek: bool = False
    ) -> Generator[tuple[float, Uint8], None, None]:
        """(time in seconds, upright RGB) of each picture that `sampler` takes, in order.

        Damaged pictures are left out. Sets `cut_short` at the end. `seek`: do not read what lies
        before, where the file has a clock that stays right then; what is found may differ a little.
        """
        with self._open() as container:
            stream = video_stream(container)
            if (
                seek
                and sampler.due_s > 0
                and self._stamped
                and container.format.name not in SPLICED
            ):
                _seek(container, sampler.due_s + self._origin_s)
            packets = Packets(container, stream)
            time_s = -1 / self._fps
            for frame in self._frames(stream, packets, sampler):
                stamp = _seconds(frame.pts, stream.time_base)
                time_s = time_s + 1 / self._fps if stamp is None else stamp - self._origin_s
                if sampler.takes(time_s):
                    yield time_s, self._upright(frame)
            self.cut_short = (
                packets.broken
                or self._misses_time(container, packets.end_s)
                or ends_early(self._ends, container.format.name)
            )

    def key_pictures(self, times_s: list[float]) -> Generator[tuple[float, Uint8], None, None]:
        """(time in seconds, upright RGB) of the key picture at or before each of `times_s`, which
        ascend; each picture once. What seeking does not find is left out."""
        with self._open() as container:
            stream = video_stream(container)
            latest_s = -math.inf
            for wanted_s in times_s:
                frame = _key_frame(container, stream, wanted_s + self._origin_s)
                stamp = _seconds(frame.pts, stream.time_base) if frame else None
                if frame and stamp is not None and stamp > latest_s:
                    latest_s = stamp
                    yield stamp - self._origin_s, self._upright(frame)

    def _frames(
        self, stream: VideoStream, packets: Packets, sampler: Sampler
    ) -> Iterator[VideoFrame]:
        """Decode what `sampler` may want: whole groups of pictures in which none is due, and the
        rest of a group after its last one, are passed over."""
        codec = stream.codec_context
        if self._stamped and self._fps * sampler.step_s >= SKIP_FROM:
            codec.skip_frame = "NONREF"
        for group, next_key in groups(packets):
            key_s, next_s = self._time_s(group[0], late=True), self._time_s(next_key)
            for packet in group:
                if sampler.full:
                    break
                if sampler.due_s >= next_s > key_s:
                    codec.flush_buffers()  # what is missing must not damage what follows
                    break
                if self._time_s(packet, late=True) > max(sampler.due_s, 0) + sampler.step_s:
                    codec.skip_frame = "DEFAULT"  # too few pictures are needed by others here
                yield from decode(stream.codec_context, packet)
        yield from decode(stream.codec_context, None)

    def _time_s(self, packet: Packet[Stream] | None, late: bool = False) -> float:
        """When `packet` is shown; infinitely far off (or past, for `late`) where unknown."""
        stamp = None if packet is None else _seconds(packet.pts, packet.time_base)
        if stamp is None:
            return -math.inf if late else math.inf
        return stamp - self._origin_s

    def _describe(self, container: InputContainer, stream: VideoStream) -> MediaInfo:
        image = not container.streams.audio and _is_still(container, stream)
        return MediaInfo(
            kind="image" if image else "video",
            width_px=self._upright.width_px,
            height_px=self._upright.height_px,
            duration_s=0.0 if image else _stated_s(container),
        )

    def _misses_time(self, container: InputContainer, end_s: float) -> bool:
        if container.format.name not in STATE_DURATION or self.info.kind == "image":
            return False
        return end_s < _stated_s(container) - max(MISSING_S, 2 / self._fps)


def _seconds(stamp: int | None, time_base: Fraction | None) -> float | None:
    return None if stamp is None or time_base is None else float(stamp * time_base)


def _stated_s(container: InputContainer) -> float:
    """The file's length as its header states it; 0 if it states none that is possible."""
    stated_s = (container.duration or 0) / av.time_base
    return stated_s if 0 < stated_s < LONGEST_S else 0.0


def _is_still(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the picture that was just decoded is the only one; a header's count need not be."""
    if container.format.name.endswith("_pipe"):
        return True
    return stream.frames == 1 and not any(True for _ in Packets(container, stream))


def _origin_s(container: InputContainer, stream: VideoStream) -> float:
    """The timestamp that a player calls 0: where the first of sound and picture starts.

    As in Chromium, sound that starts before 0 (an encoder's run-up) does not move the picture.
    """
    sound_or_picture_s = max(0.0, (container.start_time or 0) / av.time_base)
    picture_s = _seconds(stream.start_time, stream.time_base)
    return sound_or_picture_s if picture_s is None else min(sound_or_picture_s, picture_s)


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    for packet in Packets(container, stream):
        for frame in decode(stream.codec_context, packet):
            return frame
    for frame in decode(stream.codec_context, None):
        return frame
    raise CorruptMedia(
        "Not one picture could be decoded: the file is damaged, or its pictures are larger than "
        f"{MAX_PIXELS // 1_000_000} million pixels. Get the file again, or scale it down."
    )


def _seek(container: InputContainer, stamp_s: float) -> bool:
    """Go to the key picture at or before `stamp_s`; whether that works."""
    try:
        container.seek(round(stamp_s * av.time_base))
    except MemoryError:  # an FFmpegError too, and no damage
        raise
    except av.FFmpegError:
        return False
    return True


def _key_frame(container: InputContainer, stream: VideoStream, stamp_s: float) -> VideoFrame | None:
    """The picture that seeking to `stamp_s` leads to, decoded alone; None if there is none."""
    if not _seek(container, stamp_s):
        return None
    try:
        for packet in islice(container.demux(stream), GROUP_PACKETS):
            if packet.is_keyframe and packet.size:
                frames = [
                    *decode(stream.codec_context, packet),
                    *decode(stream.codec_context, None),
                ]
                stream.codec_context.flush_buffers()
                return frames[0] if frames else None
    except MemoryError:
        raise
    except av.FFmpegError:
        pass
    return None


def _upright(first: VideoFrame, stream: VideoStream, exif: int, colours: Colours) -> Upright:
    """Sizes as displayed. Pixels that are not square are scaled to be: networks know faces as
    people see them, not squeezed to the stored width."""
    width, height = first.width, first.height
    pixel = stream.sample_aspect_ratio or Fraction(1)
    if 1 < pixel <= WIDEST_PIXEL:
        width = round(width * pixel)
    elif 1 / Fraction(WIDEST_PIXEL) <= pixel < 1:
        height = round(height / pixel)
    check_size(width, height)
    orientation = Orientation.from_exif(exif) if exif != 1 else Orientation.from_frame(first)
    if orientation.transpose:
        width, height = height, width
    return Upright(width, height, orientation, colours)
