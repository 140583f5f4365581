"""The figures that comments beside constants state, measured again on the shared data.

`pytest tests/server/test_measured.py -s` prints them.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from server.analysis import boxes as geometry
from server.analysis.crops import sharpness
from server.analysis.cuts import SAME_SCENE, likeness, thumbnail
from server.analysis.faces import FaceFinder
from server.analysis.matching import appearance
from server.analysis.video import MediaReader

pytestmark = [pytest.mark.data, pytest.mark.slow]


def clips(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "clips").glob("*/*.mp4"))


def set_of(path: Path) -> str:
    """Clips of one set show one place: the swaps of a clip, the two versions of a film."""
    return path.stem.split("_")[0] if path.stem.startswith(("ghost", "film")) else path.stem


def pictures(path: Path) -> Iterator[np.ndarray]:
    with MediaReader(path) as reader:
        for frame in reader.frames(3, 720):
            yield frame.rgb


def test_scenes_differ_more_than_their_own_pictures(shared_data: Path) -> None:
    small = {path: [thumbnail(rgb) for rgb in pictures(path)] for path in clips(shared_data)}
    same = [
        likeness(shots[i], shots[i + apart])
        for shots in small.values()
        for apart in (1, 2)
        for i in range(len(shots) - apart)
    ]
    cuts = [
        likeness(shots[-1], others[0])
        for path, shots in small.items()
        for other, others in small.items()
        if set_of(path) != set_of(other)
    ]
    missed = sum(cut >= SAME_SCENE for cut in cuts)
    print(f"{len(same)} pairs of one scene, least alike {min(same):.2f}")
    print(f"{len(cuts)} cuts, {missed} missed at {SAME_SCENE}")
    assert min(same) > SAME_SCENE
    assert missed / len(cuts) < 0.02


def test_looks_tell_people_apart(shared_data: Path) -> None:
    finder = FaceFinder()
    own: list[float] = []
    others: list[float] = []
    for path in clips(shared_data):
        seen: list[tuple[np.ndarray, np.ndarray]] = []  # boxes, looks of each picture
        for rgb in pictures(path):
            faces = finder.find(rgb)
            looks = np.array([appearance(rgb, points) for points in faces.landmarks]).reshape(
                -1, 96
            )
            others += np.linalg.norm(looks[:, None] - looks[None], axis=2)[
                np.triu_indices(len(looks), 1)
            ].tolist()
            for boxes, before in seen[-5:]:
                # Overlap says who it is; people who moved further are left out.
                pairs = np.argwhere(geometry.iou(boxes, faces.boxes) > 0.5)
                own += [float(np.linalg.norm(before[i] - looks[j])) for i, j in pairs]
            seen.append((faces.boxes, looks))
    print(f"one person: {len(own)} pairs, 90 % below {np.quantile(own, 0.9):.2f}")
    print(f"two people: {len(others)} pairs, 95 % above {np.quantile(others, 0.05):.2f}")
    assert np.quantile(own, 0.9) < np.quantile(others, 0.05)


def test_sharpness_of_faces_and_of_blurred_ones(shared_data: Path) -> None:
    sharp, blurred = [], []
    with tarfile.open(shared_data / "dfdc224-val.tar") as archive:
        for member in [member for member in archive.getmembers() if member.isfile()][::6]:
            file = archive.extractfile(member)
            assert file is not None
            rgb = cv2.imdecode(np.frombuffer(file.read(), np.uint8), 1)[..., ::-1].copy()
            sharp.append(sharpness(rgb))
            blurred.append(sharpness(cv2.GaussianBlur(rgb, (0, 0), 5)))
    print(f"{len(sharp)} faces: median {np.median(sharp):.2f}, blurred {np.median(blurred):.2f}")
    assert np.median(sharp) > 0.8
    assert np.median(blurred) < 0.3
