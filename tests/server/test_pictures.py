"""Pictures from a browser become a video that shows each of them, at its time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.analysis.video import MediaReader
from server.api.motion_jpeg import join, size_of
from server.errors import BadValue
from tests import media


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve numbered JPEGs."""
    folder = tmp_path_factory.mktemp("pictures")
    for i, rgb in enumerate(media.numbered(12, size=(384, 96))):
        media.picture(folder / f"{i:02}.jpg", rgb)
    return folder


def pictures(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]


@settings(max_examples=20, deadline=None)
@given(gaps_ms=st.lists(st.integers(200, 3000), min_size=1, max_size=11), start=st.floats(0, 9000))
def test_every_picture_at_its_time(
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    gaps_ms: list[int],
    start: float,
) -> None:
    times = [start + sum(gaps_ms[:i]) / 1000 for i in range(len(gaps_ms) + 1)]
    path = join(tmp_path_factory.mktemp("joined") / "it", pictures(folder)[: len(times)], times)
    with MediaReader(path) as reader:
        assert (reader.info.width_px, reader.info.height_px) == (384, 96)
        found = [(media.number_of(frame.rgb), frame.time_s) for frame in reader.frames(10, 100)]
    assert [number for number, _ in found] == list(range(len(times)))
    assert [time_s for _, time_s in found] == pytest.approx([t - start for t in times], abs=0.002)


@pytest.mark.parametrize("times", [[0.0, 0.0], [1.0, 0.5], [0.0, 0.0001]])
def test_times_must_rise(folder: Path, tmp_path: Path, times: list[float]) -> None:
    with pytest.raises(BadValue, match="rise"):
        join(tmp_path / "it", pictures(folder)[:2], times)
    assert not (tmp_path / "it").exists()


def test_sizes_must_agree(folder: Path, tmp_path: Path) -> None:
    other = media.picture(tmp_path / "o.jpg", np.zeros((64, 64, 3), np.uint8)).read_bytes()
    with pytest.raises(BadValue, match="same width"):
        join(tmp_path / "it", [pictures(folder)[0], other], [0, 1])


@given(st.binary(max_size=200))
def test_what_is_no_jpeg_is_refused(data: bytes) -> None:
    with pytest.raises(BadValue, match="JPEG"):
        size_of(b"\xff\xd8" + data.replace(b"\xff", b"\xfe"))


def test_a_jpeg_cut_anywhere_is_refused_or_has_its_size(folder: Path) -> None:
    for end in range(0, 700, 7):
        try:
            assert size_of(pictures(folder)[0][:end]) == (384, 96)
        except BadValue:
            assert end < 700
