"""The tests that a map must pass tell one that points from one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from models import registry
from training.evidence import maps
from training.evidence.trials import (
    Row,
    compare,
    enlarged,
    most_marked,
    overlap,
    passes,
    restored,
    restoring,
)
from training.forgery.ovals import Blends

SIDE, CELLS, COUNT = 64, 8, 60
PEOPLE = np.arange(COUNT) // 3


@pytest.fixture(scope="module")
def pictures():
    """Grain everywhere, and a bright grainy spot at a random place; its mask; and without it."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(60, 120, (COUNT, SIDE, SIDE, 3), np.uint8)
    plain = rgb.copy()
    masks = np.zeros((COUNT, SIDE, SIDE), np.float32)
    for n, (y, x) in enumerate(rng.integers(8, SIDE - 24, (COUNT, 2))):
        masks[n, y : y + 20, x : x + 20] = 1
        rgb[n, y : y + 20, x : x + 20] += 100
    return rgb, masks, plain


def seeing(rgb):
    """A stand-in for a network that goes by brightness, and says where."""
    cells = rgb.astype(np.float32).mean(axis=3).reshape(len(rgb), CELLS, SIDE // CELLS, CELLS, -1)
    maps = cells.mean(axis=(2, 4))
    return maps, maps.max(axis=(1, 2))


def guessing(rgb):
    """One whose map has nothing to do with its logit."""
    maps = np.random.default_rng(1).normal(size=(len(rgb), CELLS, CELLS)).astype(np.float32)
    return maps, seeing(rgb)[1]


def rows(look, rgb, masks, plain):
    pairs = overlap(enlarged(look(rgb)[0], SIDE), masks)
    pairs |= restoring(look, rgb, plain, masks.mean(axis=0))
    return [compare(name, *pair, PEOPLE) for name, pair in pairs.items()]


def test_a_map_that_points_passes_and_a_guess_does_not(pictures):
    pointing = rows(seeing, *pictures)
    usual = "restoring against the usual place"
    assert {row.measure for row in pointing} == {"IoU", "pointing", "restoring", usual}
    assert passes(pointing)
    assert pointing[1].map > 0.9
    assert (pointing[0].pictures, pointing[0].people) == (COUNT, 20)
    assert not passes(rows(guessing, *pictures))


@pytest.mark.parametrize("worse", ["IoU", "restoring"])
def test_both_tests_must_be_passed(worse):
    good = [Row(name, 1, 0, 1, 0.5, 1.5, 9, 3) for name in ("IoU", "pointing", "restoring")]
    assert passes(good)
    bad = [Row(worse, 1, 0, 1, -0.1, 1.5, 9, 3) if row.measure == worse else row for row in good]
    assert not passes(bad)


def test_a_fifth_is_marked_and_only_it_is_restored(pictures):
    rgb = pictures[0][0]
    places = most_marked(np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float32))
    assert places.mean() == pytest.approx(0.2, abs=0.01)
    half = np.zeros((SIDE, SIDE), bool)
    half[:, : SIDE // 2] = True
    changed = restored(rgb, np.zeros_like(rgb), half)
    assert np.array_equal(changed[:, -16:], rgb[:, -16:])
    assert not changed[:, :16].any()


def test_the_threshold_is_where_enough_of_what_is_marked_is_foreign(pictures):
    rgb, masks, _ = pictures
    shown = maps.threshold_of(masks[:, ::8, ::8] * 0.7 + 0.1, Blends(rgb, rgb, masks, PEOPLE))
    assert 0.11 <= shown <= 0.8
    with pytest.raises(ValueError, match="wrong"):
        maps.threshold_of(1 - masks[:, ::8, ::8], Blends(rgb, rgb, masks, PEOPLE))


def test_what_is_shown_was_measured_and_passed_on_val_and_test():
    results, evidence = maps.read("meso3"), registry.spec("meso3").evidence
    assert evidence is not None
    assert evidence.shown == all(passes(results[maps.REGISTERED, part]) for part in ("val", "test"))
    facts = maps.facts(results)
    assert list(evidence.iou) == facts["iou"]
    assert (evidence.shown, evidence.part) == (facts["shown"], facts["part"])
    page = (registry.WEIGHTS.parents[1] / "docs" / "api.md").read_text()
    assert all(f"{iou:.2f}" in page for iou in evidence.iou)


def test_the_card_says_what_was_measured():
    card = registry.spec("meso3").card.read_text()
    for (which, part), rows in maps.read("meso3").items():
        for row in rows:
            line = next(
                x for x in card.splitlines() if x.startswith(f"| {which}, {part} | {row.measure} |")
            )
            assert f"{row.difference:+.3f}" in line
    assert ("It passes" in card) == registry.spec("meso3").evidence.shown
