"""Of several tracks, the one that a player shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from server.analysis.video import MediaReader
from tests.media import number_of, numbered, picture

DEFAULT = Disposition.default
NONE = Disposition(0)
FILM = range(100, 110)


@dataclass(frozen=True)
class Track:
    """Pictures with these numbers, `width` px wide."""

    numbers: range
    width: int = 192
    disposition: Disposition = DEFAULT
    codec: str = "libx264"


def film(path: Path, tracks: Sequence[Track]) -> Path:
    with av.open(str(path), "w") as container:
        streams = []
        for track in tracks:
            stream = container.add_stream(track.codec, rate=10)
            stream.width, stream.height = track.width, track.width // 3
            stream.pix_fmt = "yuvj420p" if track.codec == "mjpeg" else "yuv420p"
            stream.disposition = track.disposition
            streams.append(stream)
        for track, stream in zip(tracks, streams, strict=True):
            size = (track.width, track.width // 3)
            for rgb in numbered(len(track.numbers), size, start=track.numbers.start):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize(
    "first",
    [
        Track(range(1), disposition=NONE, codec="mjpeg"),
        Track(range(1), width=384, codec="mjpeg"),  # a poster, larger than the film
        Track(range(10), disposition=NONE),
        Track(range(10), width=96),  # a preview that moves
        Track(range(10), width=384, disposition=NONE),
    ],
)
def test_what_comes_first_need_not_be_the_film(tmp_path: Path, ending: str, first: Track) -> None:
    path = film(tmp_path / f"a.{ending}", [first, Track(FILM)])
    with MediaReader(path) as reader:
        assert reader.info.kind == "video"
        assert [number_of(frame.rgb) for frame in reader.frames(1000, 100)] == list(FILM)
        assert {number_of(frame.rgb) for frame in reader.key_frames(3)} <= set(FILM)
        assert not reader.cut_short


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_of_equal_tracks_the_first(tmp_path: Path, ending: str) -> None:
    path = film(tmp_path / f"a.{ending}", [Track(FILM), Track(range(10))])
    with MediaReader(path) as reader:
        assert number_of(next(reader.frames(1, 1)).rgb) == FILM.start


def test_the_film_among_attachments_and_chapters(tmp_path: Path, astronaut: np.ndarray) -> None:
    """A Matroska film with a cover, and with chapters."""
    cover = picture(tmp_path / "cover.jpg", astronaut).read_bytes()
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        container.add_attachment("cover.jpg", "image/jpeg", cover)
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 192, 64, "yuv420p"
        for rgb in numbered(10, start=FILM.start):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 2
    with MediaReader(path) as reader:
        assert number_of(next(reader.frames(1, 1)).rgb) == FILM.start
