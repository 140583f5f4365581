"""Where in a face: names and pictures that follow the map, and only where fake is likely."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import registry
from models.preprocess import SIDE_PER_FACE
from server.analysis.analyze import Analyzer
from server.analysis.answer import to_json
from server.analysis.explain import REGIONS, Explainer, overlay, regions
from server.analysis.faces import FaceFinder
from server.analysis.records import MediaFile, Verdict
from server.errors import ModelError
from server.terms import AnalysisOptions
from tests.media import picture
from training.forgery.ovals import self_blend

CELLS = 18
THRESHOLD = 0.22
POINTS = [
    (name, side * x + 0.5, y)
    for name, points in REGIONS.items()
    for x, y in points
    for side in (-1, 1)
]


def spot(x: float, y: float, height: float = 0.6, spread: float = 1.0) -> np.ndarray:
    """A map float32 [CELLS, CELLS] with one spot at x, y, fractions of the crop."""
    rows, columns = np.mgrid[:CELLS, :CELLS] + 0.5
    distance = np.hypot(columns - x * CELLS, rows - y * CELLS)
    return (height * np.exp(-((distance / spread) ** 2) / 2)).astype(np.float32)


@given(chosen=st.lists(st.sampled_from(POINTS), min_size=1, max_size=2, unique_by=lambda p: p[0]))
def test_those_regions_are_named_in_which_the_mass_lies(
    chosen: list[tuple[str, float, float]],
) -> None:
    found = np.max([spot(x, y) for _, x, y in chosen], axis=0)
    names = regions(found, THRESHOLD)
    assert {name for name, _, _ in chosen} <= set(names)
    assert names[0] in {name for name, _, _ in chosen}


@given(
    seed=st.integers(0, 2**31), threshold=st.floats(0.05, 0.95), size=st.sampled_from([9, 18, 36])
)
def test_something_is_named_wherever_something_is_marked(
    seed: int, threshold: float, size: int
) -> None:
    found = np.random.default_rng(seed).random((size, size)).astype(np.float32)
    found[0, 0] = 1
    names = regions(found, threshold)
    assert 1 <= len(names) == len(set(names))
    assert set(names) <= set(REGIONS)
    beside = np.where(found >= threshold, found, 0).astype(np.float32)
    assert regions(beside, threshold) == names  # what is not marked counts for nothing


def test_the_regions_lie_where_the_face_is(astronaut: np.ndarray) -> None:
    found = FaceFinder().find(astronaut).landmarks[0]
    eyes, mouth = found[:2].mean(axis=0), found[3:].mean(axis=0)
    spread = np.hypot(np.linalg.norm(found[1] - found[0]), np.linalg.norm(mouth - eyes))
    places = (found - (eyes + mouth) / 2) / (SIDE_PER_FACE * spread) + 0.5
    for (x, y), name in zip(places, ("eyes", "eyes", "nose", "mouth", "mouth"), strict=True):
        assert regions(spot(x, y), THRESHOLD)[0] == name


def test_the_overlay_colours_what_is_marked_and_nothing_else() -> None:
    rgb = np.random.default_rng(0).integers(60, 200, (144, 144, 3), np.uint8)
    found = spot(0.3, 0.3)
    shown = overlay(rgb, found, THRESHOLD).astype(int)
    marked = cv2.resize(found, (144, 144), interpolation=cv2.INTER_CUBIC) >= THRESHOLD
    colour = np.ptp(shown, axis=2)
    assert colour[cv2.erode(marked.astype(np.uint8), np.ones((5, 5))) > 0].min() > 20
    assert colour[cv2.dilate(marked.astype(np.uint8), np.ones((13, 13))) == 0].max() == 0
    plain = np.full((144, 144, 3), 60, np.uint8)
    across = overlay(plain, found, THRESHOLD).astype(float).mean(axis=2)[43]
    assert across[43] > across[43 + 8] > across[43 + 20] == 60  # brighter where it is surer


def check(rgb: np.ndarray, path: Path, explain: bool = True) -> Verdict:
    return Analyzer(AnalysisOptions(explain=explain)).analyze(MediaFile(picture(path, rgb)))


@pytest.fixture(scope="module")
def portrait(astronaut: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(astronaut[:400, 20:420])


def blend(portrait: np.ndarray, seed: int) -> np.ndarray:
    landmarks = FaceFinder().find(portrait).landmarks[0]
    return self_blend(portrait, landmarks, seed=seed, part="mouth").rgb


def test_a_blended_mouth_is_named_and_shown(portrait: np.ndarray, tmp_path: Path) -> None:
    rgb = blend(portrait, seed=2)
    verdict = check(rgb, tmp_path / "blend.png")
    (face,) = verdict.faces
    (moment,) = face.moments
    assert moment.p_fake > 0.5
    assert moment.regions is not None
    assert moment.regions[0] == "mouth"
    pictures = {it.kind: it for it in verdict.pictures}
    plain, evidence = pictures["face"], pictures["evidence"]
    assert (evidence.face_id, evidence.moment, evidence.kind) == (face.id, 0, "evidence")
    shown, before = (
        cv2.imdecode(np.frombuffer(it.jpeg, np.uint8), cv2.IMREAD_COLOR) for it in (evidence, plain)
    )
    side_px = registry.spec(AnalysisOptions().model).input_px
    assert shown.shape == before.shape == (side_px, side_px, 3)
    coloured = np.ptp(shown.astype(int), axis=2) > 40
    assert 0.01 < coloured.mean() < 0.5

    without = check(rgb, tmp_path / "blend.png", explain=False)
    assert [moment.regions for moment in without.faces[0].moments] == [None]
    assert sorted(it.kind for it in without.pictures) == ["face", "frame"]
    same, other = to_json(verdict), to_json(without)
    assert same["faces"][0]["p_fake"] == other["faces"][0]["p_fake"]
    assert same["label"] == other["label"]


def test_nothing_is_shown_where_real_is_likelier(portrait: np.ndarray, tmp_path: Path) -> None:
    verdict = check(blend(portrait, seed=0), tmp_path / "blend.png")
    (face,) = verdict.faces
    assert face.p_fake < 0.5
    assert [moment.regions for moment in face.moments] == [None]
    assert sorted(it.kind for it in verdict.pictures) == ["face", "frame"]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    evidence = registry.spec("meso3").evidence
    assert evidence is not None
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(evidence.file.path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="not the registered file"):
        Explainer(replace(evidence, file=replace(evidence.file, path=damaged)), 144)
