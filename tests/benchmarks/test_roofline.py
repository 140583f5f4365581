"""The roofline page: its arithmetic is that of the code, its numbers those of the results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import roofline
from benchmarks.compare import Comparison, write
from server.analysis.cascade import pyramid


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (1919, 1081)])
def test_the_pyramid_is_the_one_that_is_looked_at(size: tuple[int, int]) -> None:
    width, height = size
    levels = [level for _, level in pyramid(np.zeros((height, width, 3), np.float32))]
    looked_at = sum(level.shape[0] * level.shape[1] for level in levels)
    assert roofline.pyramid_pixels(width, height, 20) == looked_at
    halves = roofline.pyramid_pixels(width // 2, height // 2, 20)
    assert roofline.pyramid_pixels(width // 2 * 2, height // 2 * 2, 40) == halves


def test_the_page_says_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = {"frames": 1.0, "faces": 3.0, "total": 4.0}
    notes = {"our_pictures": 100, "our_stages_s": json.dumps(stages)}
    whole = Comparison("answer", "them", [4.0], [40.0], notes=notes)
    faces = Comparison("stills-720p-mtcnn", "mtcnn", [0.125], [1.0])
    write([whole.row()], {}, tmp_path / "pipeline.csv")
    write([faces.row()], {}, tmp_path / "detector.csv")
    roofline.main(roofline.Options(tmp_path))
    page = capsys.readouterr().out
    [line] = [line for line in page.splitlines() if line.startswith("| faces from 20 px, 720p")]
    assert "| 125 ms |" in line
    assert "| not measured |" in page
    assert "- faces: 3.00 s, 75 %" in page
    assert "| 30 ms |" in page  # of a picture, for its faces
