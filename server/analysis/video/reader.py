"""The reader of one media file."""

from __future__ import annotations

import heapq
import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import ReferenceType, ref

from server.analysis.records import Frame, MediaInfo, Uint8
from server.analysis.video.files import FileEnds
from server.analysis.video.heif import grid_of
from server.analysis.video.prefetch import prefetch
from server.analysis.video.sampling import Sampler
from server.analysis.video.source import VideoSource
from server.analysis.video.tiles import TiledPicture
from server.analysis.video.webp import AnimatedWebp, is_animated_webp

AHEAD = 6  # pictures, one a second, that key_frames() gives beside the others
PREFETCH = 2  # pictures decoded ahead; one of 1080p has 6 MB


class MediaReader:
    """Reads a video or picture; a context manager.

    Raises NotFound, Unreadable, EmptyFile, NotMedia, NoVideo, CopyProtected, TooLarge or
    CorruptMedia.
    `cut_short` tells, once `frames` has come to its end, whether the
    file ended early.
    """

    def __init__(self, path: Path) -> None:
        self._source = _source(path)
        # Weak, so that a consumer who just drops the generator stops the decoding too.
        self._frames: ReferenceType[Generator[Frame, None, None]] | None = None

    @property
    def info(self) -> MediaInfo:
        """What the file is. Once `frames` has been asked for, no shorter than what it holds."""
        return self._source.info

    @property
    def cut_short(self) -> bool:
        return self._source.cut_short

    def frames(
        self,
        samples_per_s: float,
        max_samples: int,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> Generator[Frame, None, None]:
        """The first picture from `start_s` on, then one every 1 / `samples_per_s` seconds.

        Where that would be more than `max_samples`, they are spread over the whole duration, or
        over what of it lies before `end_s`.
        Pictures are decoded ahead in a thread, which ends when the generator is closed.
        """
        self.close()
        end_s = math.inf if end_s is None else end_s
        length_s = self._source.length_s() if self.info.kind == "video" else 0
        span_s = max(0.0, min(length_s, end_s) - start_s)
        frames = self._read(Sampler(samples_per_s, max_samples, span_s, start_s, end_s))
        self._frames = ref(frames)
        return frames

    def key_frames(
        self,
        count: int,
        start_s: float = 0.0,
        end_s: float | None = None,
        watched_s: float | None = None,
    ) -> Generator[Frame, None, None]:
        """At most `count` frames, evenly spread from the first on, that can be decoded
        alone; none where seeking does not work. By what the container states of its duration,
        which need not be true. Besides, those that frames_ahead() gives of `watched_s`."""
        stop_s = math.inf if end_s is None else end_s
        span_s = max(0.0, min(self.info.duration_s or 0.0, stop_s) - start_s)
        times_s = [start_s + span_s * n / (count - 0.5) for n in range(count)]
        pictures = self._source.key_pictures(times_s)
        if watched_s is not None:
            ahead = self._ahead(AHEAD, watched_s, start_s, stop_s)
            pictures = heapq.merge(pictures, ahead, key=lambda picture: picture[0])
        yield from _in_order(pictures)

    def frames_ahead(
        self, count: int, watched_s: float, start_s: float = 0.0, end_s: float | None = None
    ) -> Generator[Frame, None, None]:
        """What its viewer is about to see: at most `count` frames, one a second from `watched_s`
        on, of those between `start_s` and `end_s`."""
        stop_s = math.inf if end_s is None else end_s
        yield from _in_order(self._ahead(count, watched_s, start_s, stop_s))

    def _ahead(
        self, count: int, watched_s: float, start_s: float, stop_s: float
    ) -> Iterator[tuple[float, Uint8]]:
        first_s = max(start_s, watched_s)
        sampler = Sampler(1, count, count, first_s, min(first_s + count, stop_s))
        # No more than those: at its end the source would have read the rest of the file.
        return islice(self._source.pictures(sampler, seek=True), count)

    def _read(self, sampler: Sampler) -> Generator[Frame, None, None]:
        with closing(prefetch(self._source.pictures(sampler), PREFETCH)) as pictures:
            for index, (time_s, rgb) in enumerate(pictures):
                yield Frame(index, time_s, rgb)

    def close(self) -> None:
        """Stop decoding."""
        frames = self._frames() if self._frames is not None else None
        if frames is not None:
            frames.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _in_order(pictures: Iterable[tuple[float, Uint8]]) -> Generator[Frame, None, None]:
    """Each moment once."""
    latest_s = -math.inf
    for index, (time_s, rgb) in enumerate(pictures):
        if time_s > latest_s:
            latest_s = time_s
            yield Frame(index, time_s, rgb)


def _source(path: Path) -> VideoSource | AnimatedWebp | TiledPicture:
    ends = FileEnds.of(path)
    if is_animated_webp(ends.head):
        return AnimatedWebp(path)
    grid = grid_of(path, ends.head)
    return VideoSource(path, ends) if grid is None else TiledPicture(path, grid)
