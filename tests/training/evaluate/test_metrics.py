"""The numbers that the card states, on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import metrics
from training.card.export import FALSE_ALARMS, MISSES, fitted


def drawn(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and logits that are the true log-odds: two unit normals two apart."""
    rng = np.random.default_rng(seed)
    fake = np.arange(n) % 2 == 1
    return fake, (2 * rng.normal(np.where(fake, 1.0, -1.0), 1)).astype(np.float32)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def test_a_perfect_and_a_blind_model():
    fake = np.array([False, True] * 50)
    for name, best in {"auc": 1, "accuracy": 1, "eer": 0, "brier": 0, "ece": 0, "f1": 1}.items():
        assert metrics.METRICS[name](fake, fake.astype(float)) == pytest.approx(best)
    blind = np.full(100, 0.5)
    assert metrics.auc(fake, blind) == 0.5
    assert metrics.brier(fake, blind) == 0.25
    assert metrics.ece(fake, blind) == pytest.approx(0)


def test_known_separation():
    fake, logits = drawn()
    assert metrics.auc(fake, logits) == pytest.approx(0.921, abs=0.01)  # normals 2 sd apart
    assert metrics.eer(fake, sigmoid(logits)) == pytest.approx(0.159, abs=0.015)
    assert metrics.ece(fake, sigmoid(logits)) < 0.03
    assert metrics.ece(fake, sigmoid(3 * logits)) > 0.05


def test_counts_are_those_of_scikit_learn():
    from sklearn import metrics as sk

    fake, logits = drawn(500)
    p_fake = sigmoid(logits - 0.7)
    for name in ("accuracy", "precision", "recall", "f1"):
        theirs = getattr(sk, f"{name}_score")(fake, p_fake >= 0.5)
        assert metrics.METRICS[name](fake, p_fake) == pytest.approx(theirs)
    assert metrics.precision(fake, np.zeros(500)) == 0
    rough = np.round(p_fake, 1)  # many equal scores
    assert metrics.auc(fake, rough) == pytest.approx(sk.roc_auc_score(fake, rough))
    for theirs, ours in zip(
        sk.roc_curve(fake, rough, drop_intermediate=False), metrics.roc(fake, rough), strict=False
    ):
        np.testing.assert_allclose(ours, theirs)


def test_fakes_found_at_a_bounded_false_alarm_rate():
    fake, logits = drawn()
    reals = np.sort(logits[~fake])
    for share in (0.01, 0.05):
        allowed = int(share * len(reals))
        expected = np.mean(logits[fake] > reals[-1 - allowed])
        assert metrics.tpr_at(share)(fake, logits) == pytest.approx(expected)


def test_intervals_resample_people_not_pictures():
    """Ten copies of each picture add no knowledge; as pictures of one person they must not."""
    fake, logits = drawn(200)
    people = np.arange(200)
    once = metrics.interval(metrics.auc, fake, logits, people)
    copies = [np.repeat(x, 10) for x in (fake, logits, people)]
    np.testing.assert_allclose(metrics.interval(metrics.auc, *copies), once, atol=1e-9)
    low, high = metrics.interval(metrics.auc, *copies[:2], np.arange(2000))
    assert high - low < 0.6 * (once[1] - once[0])


def test_a_set_of_reals_has_an_interval_for_its_false_alarms():
    alarms = np.arange(500) % 20 == 0  # 5 %
    interval = metrics.interval(
        lambda _, p: float(np.mean(p)), np.zeros(500, bool), alarms.astype(float), np.arange(500)
    )
    assert interval == pytest.approx((0.05 - 0.019, 0.05 + 0.019), abs=0.006)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.2, 5), offset=st.floats(-2, 2))
def test_calibration_undoes_any_line(scale: float, offset: float):
    fake, logits = drawn()
    found = fitted(((logits - offset) / scale).astype(np.float32), fake)
    assert found.scale == pytest.approx(scale, rel=0.15)
    assert found.offset == pytest.approx(offset, abs=0.25)


def test_thresholds_hold_their_rates():
    fake, logits = drawn()
    found = fitted(logits, fake)
    p_fake = sigmoid(found.scale * logits + found.offset)
    assert np.mean(p_fake[~fake] >= found.fake_at) == pytest.approx(FALSE_ALARMS, abs=0.002)
    assert np.mean(p_fake[fake] <= found.real_at) == pytest.approx(MISSES, abs=0.002)


def test_a_flipped_model_is_refused():
    fake, logits = drawn()
    with pytest.raises(ValueError, match="polarity"):
        fitted(-logits, fake)
