"""HEIC and AVIF: photos made of tiles, and pictures that move."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from server.analysis.video import MediaReader
from server.errors import CopyProtected, CorruptMedia, NoVideo, TooLarge
from tests.heif import box, tiled
from tests.media import clip, number_of, numbered

SIDE = 256
TURN, MIRROR = b"irot", b"imir"


@pytest.fixture(scope="module")
def photo(astronaut: np.ndarray) -> np.ndarray:
    """Two by two tiles, of which those at the right and below are not full."""
    return np.ascontiguousarray(astronaut[:300, :420])


def shown(path: Path) -> np.ndarray:
    with MediaReader(path) as reader:
        assert (reader.info.kind, reader.info.duration_s) == ("image", 0)
        (frame,) = reader.frames(3, 10)
        assert frame.time_s == 0
        assert frame.rgb.shape == (reader.info.height_px, reader.info.width_px, 3)
        assert not reader.cut_short
    return frame.rgb


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two pictures of one size, 0..255."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize(
    ("codec", "pixels"),
    [("libx265", "yuv420p"), ("libx265", "yuv444p10le"), ("libsvtav1", "yuv420p")],
)
def test_tiles_are_put_together(tmp_path: Path, photo: np.ndarray, codec: str, pixels: str) -> None:
    path = tiled(tmp_path / "a.heic", photo, SIDE, codec=codec, pixels=pixels)
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 4, "FFmpeg puts nothing together"
    assert distance(shown(path), photo) < 4


def test_a_thumbnail_before_the_tiles_is_not_the_photo(tmp_path: Path, photo: np.ndarray) -> None:
    small = np.full((128, 128, 3), 90, np.uint8)
    assert distance(shown(tiled(tmp_path / "a.heic", photo, SIDE, thumbnail=small)), photo) < 4


@pytest.mark.parametrize("mirror_first", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_tiles_are_turned_as_a_whole(
    tmp_path: Path, photo: np.ndarray, quarters: int, axis: int, mirror_first: bool
) -> None:
    photo = photo[:200, :250]  # one tile: what counts is the whole
    transforms = [box(TURN, bytes([quarters])), box(MIRROR, bytes([axis]))]
    upright = np.flip(np.rot90(photo, quarters), axis)
    if mirror_first:
        transforms, upright = transforms[::-1], np.rot90(np.flip(photo, axis), quarters)
    path = tiled(tmp_path / "a.heic", photo, SIDE, transforms=transforms)
    assert distance(shown(path), upright) < 4


def test_tiles_that_are_missing_are_told(tmp_path: Path, photo: np.ndarray) -> None:
    with MediaReader(tiled(tmp_path / "a.heic", photo, SIDE, cut=2000)) as reader:
        (frame,) = reader.frames(3, 10)
        assert reader.cut_short
    assert distance(frame.rgb[:SIDE, :SIDE], photo[:SIDE, :SIDE]) < 4


def test_a_layout_that_lies_with_the_pictures(tmp_path: Path, photo: np.ndarray) -> None:
    assert distance(shown(tiled(tmp_path / "a.heic", photo, SIDE, inside=False)), photo) < 4


@pytest.mark.parametrize("kind", [b"iovl", b"iden", b"tili"])
def test_other_compositions_are_refused(tmp_path: Path, photo: np.ndarray, kind: bytes) -> None:
    with pytest.raises(NoVideo, match=f"{kind.decode()}.*JPEG"):
        MediaReader(tiled(tmp_path / "a.heic", photo[:64, :64], 64, kind=kind))


def test_a_protected_photo(tmp_path: Path, photo: np.ndarray) -> None:
    with pytest.raises(CopyProtected):
        MediaReader(tiled(tmp_path / "a.heic", photo[:64, :64], 64, protected=True))


def test_a_damaged_description_is_named(tmp_path: Path, photo: np.ndarray) -> None:
    data = tiled(tmp_path / "a.heic", photo, SIDE).read_bytes()
    layout = bytes([0, 0, 1, 1]) + (420).to_bytes(2, "big") + (300).to_bytes(2, "big")
    assert data.count(layout) == 1
    for wrong in (bytes([0, 0, 8]), bytes([0, 1, 1]), bytes([0, 0, 1, 0])):
        path = tmp_path / "b.heic"
        path.write_bytes(data.replace(layout, wrong + layout[len(wrong) :]))
        with pytest.raises(CorruptMedia, match="again"):
            MediaReader(path)
    for kind in (b"pitm", b"iloc", b"iinf", b"iref", b"ipco"):
        path.write_bytes(data.replace(kind, b"free"))
        with pytest.raises(CorruptMedia, match="again"):
            MediaReader(path)
    path.write_bytes(data.replace(layout, layout[:4] + b"\xff\xff\xff\xff"))
    with pytest.raises(TooLarge):
        MediaReader(path)


def test_a_tile_may_serve_at_several_places(tmp_path: Path, photo: np.ndarray) -> None:
    """Here the first one also in place of the second."""
    data = tiled(tmp_path / "a.heic", photo, SIDE).read_bytes()
    tiles = b"dimg\0\5\0\4\0\1\0\2"  # item 5 of four: 1, 2, ...
    assert data.count(tiles) == 1
    path = tmp_path / "b.heic"
    path.write_bytes(data.replace(tiles, tiles[:-1] + b"\1"))
    rgb = shown(path)
    assert np.array_equal(rgb[:SIDE, SIDE:], rgb[:SIDE, : 420 - SIDE])


@pytest.mark.parametrize("claimed", [64, SIDE])
def test_tiles_of_different_sizes_are_refused(
    tmp_path: Path, photo: np.ndarray, claimed: int
) -> None:
    """The thumbnail, of another size, is named in place of the first tile."""
    small = np.ascontiguousarray(photo[:64, :64])
    data = tiled(tmp_path / "a.heic", photo, SIDE, thumbnail=small).read_bytes()
    tiles = b"dimg\0\6\0\4\0\2"  # item 6 of four: 2, ...
    assert data.count(tiles) == 1
    data = data.replace(tiles, tiles[:-1] + b"\1")
    size, lie = (struct.pack(">II", side, side) for side in (64, claimed))
    path = tmp_path / "b.heic"
    path.write_bytes(data.replace(b"ispe\0\0\0\0" + size, b"ispe\0\0\0\0" + lie))
    with pytest.raises(CorruptMedia), MediaReader(path) as reader:
        list(reader.frames(3, 10))


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
def test_an_animated_avif_is_a_sequence(tmp_path: Path, pixels: str) -> None:
    path = clip(tmp_path / "a.avif", numbered(8), fps=2.5, codec="libsvtav1", pixels=pixels)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 1, "its cover comes first"
    with MediaReader(path) as reader:
        assert reader.info.kind == "video"
        assert reader.info.duration_s == pytest.approx(3.2)
        frames = list(reader.frames(1000, 100))
    assert [number_of(frame.rgb) for frame in frames] == list(range(8))
    assert [frame.time_s for frame in frames] == pytest.approx([0.4 * n for n in range(8)])


def test_a_still_avif_is_a_picture(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.avif", numbered(1, start=5), codec="libsvtav1")
    assert number_of(shown(path)) == 5
