"""What a check in the browser looked at is kept as a file that the service reads."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from server.analysis.video import MediaReader
from tests import media
from tests.conftest import ROOT

NODE = shutil.which("node")
WRITE = """
import { readFileSync, writeFileSync } from "node:fs";
import { matroska } from "./src/background/matroska.js";
const { pictures, about, to } = JSON.parse(process.argv[1]);
const blobs = pictures.map(({ path, time_s }) =>
  ({ picture: new Blob([readFileSync(path)]), time_s }));
writeFileSync(to, new Uint8Array(await matroska(blobs, about).arrayBuffer()));
"""


def written(folder: Path, pictures: list[np.ndarray], times_s: list[float]) -> Path:
    if NODE is None:
        pytest.skip("node is not installed: apt-get install nodejs (20 or newer)")
    paths = [media.picture(folder / f"{i}.jpg", rgb) for i, rgb in enumerate(pictures)]
    height, width = pictures[0].shape[:2]
    order = {
        "pictures": [
            {"path": str(path), "time_s": t} for path, t in zip(paths, times_s, strict=True)
        ],
        "about": {"width_px": width, "height_px": height, "duration_s": 130.25},
        "to": str(folder / "pictures.mkv"),
    }
    line = [NODE, "--input-type=module", "--eval", WRITE, json.dumps(order)]
    subprocess.run(line, cwd=ROOT / "extension", check=True, timeout=60)
    return folder / "pictures.mkv"


def test_the_service_reads_every_picture_at_its_time(tmp_path: Path, astronaut: np.ndarray) -> None:
    """Also far into a video, and more of them than it would look at by itself."""
    times_s = [61.002, 61.25, 61.507, 100.0]
    pictures = [astronaut[i * 10 : i * 10 + 240, :320] for i in range(4)]
    with MediaReader(written(tmp_path, pictures, times_s)) as reader:
        frames = [*reader.frames(1000, 40_000, times_s[0], times_s[-1])]
        info = reader.info
    assert [round(frame.time_s, 3) for frame in frames] == times_s
    assert (info.width_px, info.height_px, round(info.duration_s or 0, 3)) == (320, 240, 130.25)
    for frame, rgb in zip(frames, pictures, strict=True):
        assert np.abs(frame.rgb.astype(np.int16) - rgb).mean() < 6
