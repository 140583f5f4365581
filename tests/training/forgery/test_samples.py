"""The samples that come along: made from portraits, told apart by the served model."""

from __future__ import annotations

import numpy as np
import pytest

from models.preprocess import face_square
from server.analysis.analyze import Analyzer
from server.analysis.faces import FaceFinder
from server.api import samples as served
from server.terms import AnalysisOptions
from training.forgery import samples
from training.forgery.examples import pictures


@pytest.fixture(scope="module")
def landmarks() -> np.ndarray:
    return FaceFinder().find(pictures()[0]).landmarks[0]


def test_only_the_face_is_forged(faces, landmarks) -> None:
    portrait = pictures()[0]
    forged = samples.forged(portrait, landmarks, faces, np.random.default_rng(3))
    x, y, side = face_square(landmarks)
    changed = np.argwhere((forged != portrait).any(axis=2))
    assert len(changed) > 100
    assert (changed >= [y, x]).all()
    assert (changed < [y + side, x + side]).all()


def test_the_film_comes_closer_and_shows_nothing_but_the_portrait(landmarks) -> None:
    portrait = pictures()[0]
    edges = np.array([[0, 0], portrait.shape[1::-1]], np.float32)
    sides = []
    for zoom in samples.ZOOM:
        matrix = samples.framing(portrait, landmarks, zoom)
        (left, top), (right, bottom) = edges @ matrix[:, :2].T + matrix[:, 2]
        assert max(left, top) < 1e-3
        assert min(right, bottom) > samples.SIDE_PX - 1e-3
        sides.append(face_square(landmarks @ matrix[:, :2].T + matrix[:, 2])[2])
    assert sides[1] / sides[0] == pytest.approx(samples.ZOOM[1], abs=0.03)


@pytest.mark.slow
def test_the_answers_to_the_samples_are_clear() -> None:
    analyzer = Analyzer(AnalysisOptions())
    found = [samples.labels(analyzer, name) for name in (samples.GENUINE, samples.FORGED)]
    assert found == [{"real"}, {"fake"}], "with new weights: python -m training.forgery.samples"


def test_the_service_has_them_by_these_names() -> None:
    named = [samples.paths(name)[0] for name in (samples.GENUINE, samples.FORGED)]
    assert named == [served.FOLDER / name for name in served.NAMES]
