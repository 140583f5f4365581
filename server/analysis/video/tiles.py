"""A photo that is stored as tiles, as phones write HEIC: decoded one by one, put together."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.codec import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from server.analysis.records import MediaInfo, Uint8
from server.analysis.video.container import DECODING, check_size, open_container
from server.analysis.video.heif import Grid
from server.analysis.video.packets import decode
from server.analysis.video.sampling import Sampler
from server.analysis.video.upright import Colours, Orientation, Upright
from server.errors import CorruptMedia


class TiledPicture:
    """A picture made of the tiles of `grid`. Raises TooLarge or CorruptMedia."""

    def __init__(self, path: Path, grid: Grid) -> None:
        check_size(grid.width_px, grid.height_px)
        self.cut_short = False
        self._path = path
        self._grid = grid
        size = (grid.width_px, grid.height_px)
        if grid.orientation.transpose:
            size = size[::-1]
        self.info = MediaInfo("image", *size, duration_s=0.0)
        if next(self._tiles(), None) is None:
            raise CorruptMedia("Not one part of the picture is there. Get the file again.")

    def length_s(self) -> float:
        return 0.0

    def pictures(
        self, sampler: Sampler, seek: bool = False
    ) -> Generator[tuple[float, Uint8], None, None]:
        """(0, upright RGB) if `sampler` takes it. A tile that is missing stays black."""
        del seek
        if not sampler.takes(0.0):
            return
        grid = self._grid
        whole = np.zeros((grid.height_px, grid.width_px, 3), np.uint8)
        found = 0
        for row, column, tile in self._tiles():
            place = whole[row * len(tile) :, column * tile.shape[1] :][: len(tile), : tile.shape[1]]
            place[:] = tile[: place.shape[0], : place.shape[1]]
            found += 1
        self.cut_short = found < len(grid.tiles)
        yield 0.0, grid.orientation.apply(whole)

    def key_pictures(self, times_s: list[float]) -> Iterator[tuple[float, Uint8]]:
        """None: the picture itself is as soon there."""
        del times_s
        yield from ()

    def _tiles(self) -> Iterator[tuple[int, int, Uint8]]:
        """(row, column, RGB) of each tile that can be decoded. Raises CorruptMedia if their sizes
        differ."""
        places: dict[int, list[int]] = {}
        for place, item in enumerate(self._grid.tiles):
            places.setdefault(item, []).append(place)  # one may serve at several places
        upright = None
        with open_container(self._path) as container:
            tiles = {s.index: s for s in container.streams.video if s.id in places}
            for packet in _coded(container, [*tiles.values()]):
                stream = tiles[packet.stream_index]
                check_size(stream.width, stream.height)
                frame = _decoded(stream.codec_context, packet)
                if frame is None:
                    continue
                if upright is None:
                    colours = Colours.of(stream)
                    upright = Upright(frame.width, frame.height, Orientation(), colours)
                if (upright.width_px, upright.height_px) != (frame.width, frame.height):
                    raise CorruptMedia("The parts of the picture differ in size. Save it as JPEG.")
                tile = upright(frame)
                for place in places[stream.id]:
                    yield *divmod(place, self._grid.columns), tile


def _coded(container: InputContainer, tiles: list[VideoStream]) -> Iterator[Packet[Stream]]:
    """The packets of `tiles` up to where the file ends or is damaged."""
    with suppress(av.FFmpegError):
        yield from (packet for packet in container.demux(tiles) if packet.size)


def _decoded(coded: VideoCodecContext, packet: Packet[Stream]) -> VideoFrame | None:
    """The picture of one tile, by a decoder of its own: hundreds at a time would fill the memory.
    None if it is damaged."""
    codec = cast(VideoCodecContext, CodecContext.create(coded.codec, "r"))
    codec.options = DECODING
    codec.thread_count = 1
    codec.extradata = coded.extradata
    frames = [*decode(codec, packet), *decode(codec, None)]
    return frames[0] if frames else None
