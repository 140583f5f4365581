"""Likelihood ratios of made-up people whose true ratios are known, against `lir` where it has the
same measure."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from models import registry
from models.registry import Likelihood
from server.analysis.evidence import Spread
from server.analysis.likelihood import NEUTRAL, Pictures, of_stills, ratio
from training.evaluate import plots
from training.evaluate.likelihood import fit, judged, measures, outcome
from training.evaluate.likelihood.people import AS_IT_IS, CRF_40, HALF, Scored, one_each, together
from training.evaluate.likelihood.refit import Sets, fitted

lir = pytest.importorskip("lir", reason="lir 1.3.1 is not installed: it is the oracle of LRs")
PEOPLE, CROPS, FRAMES = 1.3, 1.5, 0.95  # logits: between people, between clips and frames, frames


def made_up(people: int, each: int = 8, apart: float = 3.2, seed: int = 0) -> Scored:
    """Genuine people around -apart / 2 and manipulated ones around apart / 2."""
    rng = np.random.default_rng(seed)
    fake = np.repeat([False, True], people * each)
    names = np.tile(np.repeat(np.arange(people), each), 2)
    own = rng.normal(0, PEOPLE, (2, people))[fake.astype(int), names]
    count = len(fake)
    return Scored(
        logits=np.where(fake, apart, -apart) / 2 + own + rng.normal(0, CROPS, count),
        fake=fake,
        people=names.astype(str),
        kinds=np.where(fake, "face swap", "genuine"),
        treatments=np.where(np.arange(count) % 2 == 0, AS_IT_IS, HALF),
        sharpness=rng.uniform(0.6, 0.95, count).astype(np.float32),
        sizes_px=rng.uniform(100, 300, count).astype(np.float32),
    )


@pytest.fixture(scope="module")
def many() -> Likelihood:
    people = made_up(300)
    return fitted(Sets(people), Spread(frames=FRAMES))


def test_the_spreads_are_found_again() -> None:
    found = fit.spreads(made_up(300))
    assert PEOPLE < found.people < 1.15 * PEOPLE, "the upper end of what it may be"
    assert found.crops == pytest.approx(CROPS, rel=0.05)


def test_the_line_is_that_of_two_normals(many: Likelihood) -> None:
    slope = 3.2 / (PEOPLE**2 + CROPS**2)
    assert many.line[3] == pytest.approx(slope, rel=0.15)
    assert many.line[0] == pytest.approx(0, abs=0.2)


def test_one_crop_has_the_ratio_that_the_service_states(many: Likelihood) -> None:
    scored = made_up(5)
    wide = replace(many, bounds=(1e-9, 1e9))
    served = [ratio(scored.pictures(np.array([i])), wide).log for i in range(len(scored))]
    np.testing.assert_allclose(fit.logs(scored, many), served, atol=1e-6)


def test_few_people_carry_less_than_many(many: Likelihood) -> None:
    people = made_up(32)
    few = fitted(Sets(people), Spread(frames=FRAMES))
    assert (few.genuine, few.manipulated, many.genuine) == (32, 32, 300)
    assert 1 < few.bounds[1] < many.bounds[1] < 300 + 2
    assert few.bounds[0] < 1
    raw = [fit.bounds(scored.logits, scored)[0] for scored in (made_up(32), made_up(300))]
    assert 1 > raw[0] > raw[1] > 1 / 302


def test_levels_hold_by_people(many: Likelihood) -> None:
    fresh = made_up(400, seed=7)
    log = fit.logs(fresh, many)
    weights = fresh.weights()
    genuine = ~fresh.fake
    share = [
        float(weights[genuine & (log >= at)].sum() / weights[genuine].sum())
        for at in (many.fake_at, many.suspect_at)
    ]
    assert share[0] < 0.03
    assert 0.02 < share[1] < 0.09
    assert many.fake_at >= many.suspect_at >= NEUTRAL
    assert many.real_at <= -NEUTRAL


def test_few_people_make_no_kinder_thresholds() -> None:
    """Of thresholds from 32 people each, the mean share of all genuine people beyond them: that
    of the people counted alone is twice what it should be."""
    rng = np.random.default_rng(0)
    passed = {"careful": [], "counted": []}
    for _ in range(2000):
        values, weights = rng.normal(0, 1, 32), np.ones(32)
        passed["careful"].append(norm.sf(fit.beyond(values, weights, fit.FALSE_ALARMS)))
        passed["counted"].append(norm.sf(fit.quantile(values, weights, 1 - fit.FALSE_ALARMS)))
    assert np.mean(passed["careful"]) <= fit.FALSE_ALARMS
    assert np.mean(passed["counted"]) > 2 * fit.FALSE_ALARMS


def test_levels_are_set_on_people_whom_the_line_has_not_seen() -> None:
    few = made_up(12, each=4, apart=2.0)
    usual = fit.quality(few)
    seen = fit.rows(few, usual) @ fit.line(few, usual)[0]
    unseen = fit.held_out(few, usual)
    assert measures.cllr(few.fake, unseen) > measures.cllr(few.fake, seen)
    assert len(np.unique(few.people)) <= fit.FOLDS, "each is left out alone"
    one = few.people == few.people[0]
    alone = fit.line(few.take(~one), usual)[0]
    np.testing.assert_allclose(unseen[one], fit.rows(few.take(one), usual) @ alone)


def test_a_guarantee_counts_people_and_no_more(many: Likelihood) -> None:
    found = many.guarantee
    assert found.people == 300
    assert found.flagged / 300 < found.flagged_at_most < found.suspected_at_most
    assert fit._at_most(0, 299) == pytest.approx(0.01, abs=1e-4), "299 without a false alarm"
    assert fit._at_most(0, 32) > 0.08


def test_crops_of_the_same_person_are_not_people() -> None:
    once, often = made_up(40, each=2), made_up(40, each=40)
    bounds = [fit.bounds(2 * scored.logits / 3, scored) for scored in (once, often)]
    assert bounds[0][1] == pytest.approx(bounds[1][1], rel=0.6)
    assert len(one_each(often)(np.random.default_rng(0))) == 80
    assert often.weights().sum() == pytest.approx(80)


def test_genuine_photos_are_suspicious_no_more_often_than_videos(many: Likelihood) -> None:
    people, photos = made_up(300), made_up(1000, each=1, seed=9)
    shifted = photos.take(~photos.fake)
    names = np.char.add("photo ", shifted.people)
    shifted = replace(shifted, logits=shifted.logits + 1.5, people=names)
    found = fitted(Sets(people, shifted), Spread(frames=FRAMES))
    assert found.still == pytest.approx(1.5 * many.line[3], abs=0.5)
    log = fit.logs(shifted, of_stills(found))
    assert np.mean(log >= found.suspect_at) < 0.08
    assert found.guarantee.people == 300 + 1000
    assert found.bounds == fitted(Sets(people), Spread(frames=FRAMES)).bounds


def test_no_sign_is_bounded_by_what_it_sees_worst() -> None:
    people = made_up(100)
    unseen = replace_kind(made_up(100, apart=-3.2, seed=3), "generated face")
    hardly = replace_kind(made_up(100, apart=1.2, seed=4), "re-enacted face")
    alone = fitted(Sets(people), Spread(frames=FRAMES))
    found = fitted(Sets(people, stills=together([unseen, hardly])), Spread(frames=FRAMES))
    assert found.covers == ("face swap", "re-enacted face")
    assert found.blind_to == ("generated face",)
    assert found.bounds[0] > alone.bounds[0], "what is seen worst bounds an LR for genuine"
    assert found.bounds[1] == alone.bounds[1]


def test_what_a_codec_hides_bounds_no_sign_too() -> None:
    people, others = made_up(100), made_up(100, seed=5)
    hidden = replace(others, logits=np.where(others.fake, others.logits - 1.2, others.logits),
                     treatments=np.full(len(others), CRF_40))  # fmt: skip
    alone = fitted(Sets(people), Spread(frames=FRAMES))
    found = fitted(Sets(people, forgeries=hidden), Spread(frames=FRAMES))
    assert alone.covers == found.covers == ("face swap",)
    assert alone.bounds[0] < found.bounds[0] < 0.5


def test_a_kind_that_a_codec_hides_altogether_is_not_covered() -> None:
    people, others = made_up(100), made_up(100, seed=5)
    hidden = replace(others, logits=np.where(others.fake, others.logits - 3.2, others.logits),
                     treatments=np.full(len(others), CRF_40))  # fmt: skip
    found = fitted(Sets(people, forgeries=hidden), Spread(frames=FRAMES))
    assert (found.covers, found.blind_to) == ((), ("face swap",))
    assert found.bounds[0] == 1.0, "then there is no support for genuine"


def test_fakes_among_stills_are_judged_as_stills_are() -> None:
    """What genuine photos gain by their loss, manipulated ones gain too."""
    people, photos = made_up(100), made_up(200, each=1, seed=9)
    photos = photos.take(~photos.fake)
    photos = replace(photos, logits=photos.logits + 2.5)
    fakes = replace_kind(made_up(100, apart=2.4, seed=4), "composite")
    found = fitted(Sets(people, photos, fakes), Spread(frames=FRAMES))
    assert "composite" in found.blind_to
    assert "composite" in fitted(Sets(people, stills=fakes), Spread(frames=FRAMES)).covers


def test_the_outcome_counts_people_of_each_set_and_treatment(many, tmp_path) -> None:
    people, photos = made_up(40), made_up(30, each=1, seed=2)
    photos = photos.take(~photos.fake)
    sets = Sets(people, photos, unseen=photos)
    rows = {row["set"]: row for row in outcome.table(sets, many)}
    assert list(rows) == ["val", "val, as it is", "val, half the size", "photos, fitted",
                          "photos, not fitted"]  # fmt: skip
    assert (rows["val"]["reals"], rows["val"]["fakes"]) == (40, 40)
    assert 0 < rows["val"]["cllr_min"] <= rows["val"]["cllr"] < 1
    assert rows["photos, fitted"]["cllr"] == "", "no fakes among photos"
    written = outcome.write("any", sets, many, list(rows.values()), tmp_path)
    assert [path.name for path in written] == ["lr.csv", "lr-tippett.png", "lr-reliability.png"]


def replace_kind(scored: Scored, kind: str) -> Scored:
    fakes = scored.take(scored.fake)
    return replace(fakes, kinds=np.full(len(fakes), kind))


def test_an_interval_holds_the_ratio_of_endless_people(many: Likelihood) -> None:
    """Of many calibrations on few people, the share whose interval holds the true ratio."""
    slope, held = 3.2 / (PEOPLE**2 + CROPS**2), []
    for seed in range(20):
        people = made_up(40, each=4, seed=seed)
        found = replace(fitted(Sets(people), Spread(frames=0.01)), bounds=(1e-9, 1e9))
        for logit in (-2.0, 0.0, 2.0):
            one = Pictures(np.array([logit]), np.float32([0.8]), np.float32([200]))
            low, high = np.log(ratio(one, found).interval)
            held.append(low <= slope * logit <= high)
    assert np.mean(held) > 0.85


def test_measures_are_those_of_lir() -> None:
    from lir.data.models import LLRData
    from lir.metrics import cllr, cllr_min

    scored = made_up(60)
    log = 1.2 * scored.logits + 0.3
    theirs = LLRData(features=log[:, None] / np.log(10), labels=scored.fake.astype(int))
    assert measures.cllr(scored.fake, log) == pytest.approx(cllr(theirs), abs=1e-6)
    assert measures.cllr_min(scored.fake, log) == pytest.approx(cllr_min(theirs), abs=0.01)


def test_a_calibrated_ratio_costs_little_more_than_the_least(many: Likelihood) -> None:
    fresh = made_up(400, each=2, seed=11)
    log = fit.logs(fresh, many)
    least = measures.cllr_min(fresh.fake, log)
    assert least <= measures.cllr(fresh.fake, log) < least + 0.03


@pytest.mark.parametrize("apart", [0.5, 1.5, 3.0])
def test_the_floor_is_what_true_ratios_of_two_normals_cost(apart: float) -> None:
    rng = np.random.default_rng(3)
    fake = np.repeat([False, True], 20_000)
    log = rng.normal(np.where(fake, 1, -1) * apart**2 / 2, apart)
    floor = measures.cllr_floor(fake, log)
    assert floor == pytest.approx(measures.cllr(fake, log), abs=0.01)
    assert floor == pytest.approx(measures.cllr_min(fake, log), abs=0.01)


def test_bounds_cost_what_no_recalibration_within_them_wins_back() -> None:
    people = made_up(300)
    log, bounds = 1.1 * people.logits, (0.3, 12.0)
    least = measures.cllr_min(people.fake, log)
    within = measures.cllr_within(people.fake, log, bounds)
    assert least < within < 1
    assert measures.cllr_within(people.fake, log, (1e-9, 1e9)) == pytest.approx(least, abs=1e-3)


def test_both_halves_of_a_clip_agree_as_often_as_stated(many: Likelihood) -> None:
    rng = np.random.default_rng(5)
    clips, crops = 100, 12
    count = clips * crops
    logits = np.repeat(rng.normal(0, 1.5, clips), crops) + rng.normal(0, FRAMES, count)
    scored = Scored(
        logits, np.zeros(count, bool), np.arange(count).astype(str), np.full(count, "genuine"),
        np.full(count, AS_IT_IS), np.full(count, 0.85, np.float32), np.full(count, 200, np.float32),
    )  # fmt: skip
    halves = [np.arange(start, start + crops) for start in range(0, count, crops)]
    assert judged.covered(scored, halves, many) > 0.9


def test_pictures_of_ratios_are_drawn(many: Likelihood, tmp_path) -> None:
    scored = made_up(30, each=1)
    log = np.clip(fit.logs(scored, many), *np.log(many.bounds))
    levels = judged.levels(log, many)
    kinds = scored.kinds
    found = judged.Judged(scored.fake, log, levels, scored.people, kinds, bounds=many.bounds)
    table = {row["measure"]: row["value"] for row in measures.rows(found)}
    assert table["judged"] == 60
    assert 0 < table["cllr_min"] <= table["cllr_within"] <= table["cllr"] < 1
    assert 0 < table["cllr_floor"] < 1
    assert sum(table[f"reals_called_{level}"] for level in
               ("fake", "suspicious", "inconclusive", "real")) == pytest.approx(1)  # fmt: skip
    [kind] = measures.kinds(found)
    assert (kind["kind"], kind["fakes"]) == ("face swap", 30)
    assert kind["cllr"] == table["cllr"]
    drawn = plots.of_evidence("evidence", found)
    assert set(drawn) == {"evidence-tippett", "evidence-reliability"}
    for name, figure in drawn.items():
        figure.savefig(tmp_path / f"{name}.png")


def test_what_is_stored_is_what_is_read(many: Likelihood) -> None:
    from dataclasses import asdict

    assert registry._likelihood(json.loads(json.dumps(asdict(many)))) == many
