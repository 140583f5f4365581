from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import registry
from models.registry import Calibration
from server.analysis.scoring import Scorer, to_p_fake
from server.errors import ModelError

PLAIN = Calibration(scale=1.0, offset=0.0, fake_at=0.9, real_at=0.1)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer("meso3")


@pytest.fixture
def crops(astronaut: np.ndarray) -> np.ndarray:
    """Thirty-seven different cuts of a face, uint8 [37, 160, 160, 3]."""
    return np.stack([astronaut[60 + i : 204 + i, 140 + i : 284 + i] for i in range(37)])


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the registered models that a test may change."""
    copy = tmp_path / "weights"
    shutil.copytree(registry.WEIGHTS, copy)
    monkeypatch.setattr(registry, "WEIGHTS", copy)
    registry.spec.cache_clear()
    yield copy
    registry.spec.cache_clear()


def change(weights: Path, **fields: object) -> None:
    path = weights / "meso3.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_one_probability_per_crop(scorer: Scorer, crops: np.ndarray) -> None:
    p_fake = scorer.p_fake(crops)
    assert p_fake.shape == (37,)
    assert p_fake.dtype == np.float32
    assert np.all((p_fake >= 0) & (p_fake <= 1))
    assert len(set(p_fake.tolist())) > 10


def test_a_crop_scores_the_same_in_any_company(crops: np.ndarray) -> None:
    together = Scorer("meso3").p_fake(crops)
    alone = Scorer("meso3")
    np.testing.assert_allclose(together, [alone.p_fake(crop[None])[0] for crop in crops], atol=1e-3)


def test_what_was_scored_is_remembered(scorer: Scorer, crops: np.ndarray) -> None:
    first = scorer.p_fake(crops)
    np.testing.assert_array_equal(scorer.p_fake(crops[::-1]), first[::-1])


def test_a_crop_and_its_mirror_image_score_alike(crops: np.ndarray) -> None:
    mirrored = np.ascontiguousarray(crops[:, :, ::-1])
    both = Scorer("meso3")
    assert both.likelihood is not None
    np.testing.assert_allclose(both.p_fake(crops), both.p_fake(mirrored), atol=1e-3)
    once = Scorer("meso3", likelihood=False)
    assert np.abs(once.p_fake(crops) - once.p_fake(mirrored)).max() > 1e-3


def test_no_crops_have_no_scores(scorer: Scorer) -> None:
    assert scorer.p_fake(np.empty((0, 160, 160, 3), np.uint8)).shape == (0,)


def test_larger_crops_are_scaled(scorer: Scorer, astronaut: np.ndarray) -> None:
    assert scorer.p_fake(astronaut[None, :300, 100:400]).shape == (1,)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=5))
def test_polarity_is_turned_for_a_model_of_the_other_class(logits: list[float]) -> None:
    array = np.array(logits, np.float32)
    fake, real = to_p_fake(array, "fake", PLAIN), to_p_fake(array, "real", PLAIN)
    np.testing.assert_allclose(fake + real, 1, atol=1e-6)
    assert np.all(fake[array > 1e-3] > 0.5)
    assert np.all(fake[array < -1e-3] < 0.5)


def test_calibration_comes_after_polarity() -> None:
    shifted = Calibration(scale=2.0, offset=1.0, fake_at=0.9, real_at=0.1)
    logits = np.array([0.0, 3.0], np.float32)
    expected = 1 / (1 + np.exp(-(-2 * logits + 1)))
    np.testing.assert_allclose(to_p_fake(logits, "real", shifted), expected, rtol=1e-5)


def test_the_registered_polarity_is_used(weights: Path, crops: np.ndarray) -> None:
    def scores(positive_class: str) -> np.ndarray:
        registry.spec.cache_clear()
        change(weights, positive_class=positive_class, calibration=None)
        return Scorer("meso3").p_fake(crops)

    np.testing.assert_allclose(scores("fake") + scores("real"), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["nobody", "mtcnn"])
def test_what_is_no_classifier_is_refused_by_name(name: str) -> None:
    with pytest.raises(ModelError, match=name):
        Scorer(name)


def test_damaged_weights_are_refused(weights: Path) -> None:
    spec = registry.spec("meso3")
    path = spec.files[spec.serve].path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="restore it"):
        Scorer("meso3")


@pytest.mark.data
def test_fakes_score_higher_than_reals(scorer: Scorer, shared_data: Path) -> None:
    import tarfile

    import cv2

    means = {}
    with tarfile.open(shared_data / "dfdc224-val.tar") as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
        for label in ("real", "fake"):
            members = [member for member in files if f"{label}/" in member.name][::6]
            data = [archive.extractfile(member) for member in members]
            pictures = [cv2.imdecode(np.frombuffer(d.read(), np.uint8), 1) for d in data if d]
            crops = np.stack([np.ascontiguousarray(picture[..., ::-1]) for picture in pictures])
            means[label] = float(scorer.p_fake(crops).mean())
    assert means["fake"] > means["real"] + 0.1
