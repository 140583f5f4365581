"""How good likelihood ratios are: what they cost (Cllr), what is decided, whom the levels flag.

Cllr (Brümmer and du Preez 2006) is the mean cost in bits of believing the LRs, with as many fakes
as reals: 1 is worth nothing, less is better. Its minimum is what the best monotone recalibration on
this very set would reach, so the difference is what is lost by calibration.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from models.registry import Likelihood
from server.analysis.evidence import Z_95
from server.analysis.likelihood import NEUTRAL, ratio
from server.analysis.scoring import sigmoid
from training import metrics
from training.evaluate.likelihood import fit
from training.evaluate.likelihood.people import Scored, known, one_each
from training.evaluate.scored import Row
from training.evaluate.scored import Scored as Evaluated
from training.evaluate.videos import tracks

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """N people or videos with a likelihood ratio. `log` float64 [N] is ln LR within the bounds,
    `levels`, `people` and `kinds` of fakes str [N], `fake` bool [N]. `covered`: how often both
    halves of a clip agree within their intervals, nan of single pictures."""

    title: str
    fake: Bool
    log: Float
    levels: NDArray[Any]
    people: NDArray[Any]
    kinds: NDArray[Any]
    covered: float = float("nan")


def of_people(given: Evaluated) -> Judged | None:
    """One picture of each person with each label; None where the model has no likelihood ratios."""
    model = given.model.likelihood
    if model is None:
        return None
    pictures = known(given.crops, given.p_fake)
    chosen = pictures.take(one_each(pictures)(np.random.default_rng(0)))
    log = fit.logs(chosen, model)
    about = (levels(log, model), chosen.people, chosen.kinds)
    return Judged("evidence", chosen.fake, _bounded(log, model), *about)


def of_videos(given: Evaluated) -> Judged | None:
    """Each clip as the service would judge it; None where there is none, or no likelihood ratio."""
    model, clips = given.model.likelihood, given.clips
    told = np.isfinite(clips.log)
    if model is None or not told.any():
        return None
    of_clips = (clips.fake, _bounded(clips.log, model), clips.levels, clips.identities)
    values = [each[told] for each in (*of_clips, clips.methods)]
    halves = covered(known(given.crops, given.p_fake), tracks(given.crops).values(), model)
    return Judged("video_evidence", *values, covered=halves)


def people(given: Evaluated) -> list[Row]:
    """What the LRs of people cost and decide, from one picture each."""
    found = of_people(given)
    return rows(found) if found else []


def people_kinds(given: Evaluated) -> list[Row]:
    found = of_people(given)
    return kinds(found) if found else []


def videos(given: Evaluated) -> list[Row]:
    """What the LRs of videos cost and decide."""
    found = of_videos(given)
    return rows(found) if found else []


def video_kinds(given: Evaluated) -> list[Row]:
    found = of_videos(given)
    return kinds(found) if found else []


def levels(log: Float, model: Likelihood) -> NDArray[Any]:
    """The level of a single picture with ln LR `log` before the bounds."""
    names = np.array(["fake", "suspicious", "inconclusive", "real"])
    at = (log < model.fake_at).astype(int) + (log < model.suspect_at) + (log <= model.real_at)
    return names[at]


def _bounded(log: Float, model: Likelihood) -> Float:
    return np.asarray(np.clip(log, *np.log(model.bounds)), np.float64)


def cllr(fake: Bool, log: Float) -> float:
    """The log likelihood ratio cost, in bits."""
    costs = np.logaddexp(0, np.where(fake, -log, log)) / np.log(2)
    return float((costs[fake].mean() + costs[~fake].mean()) / 2)


def cllr_min(fake: Bool, log: Float) -> float:
    """The cost that is left after the best monotone recalibration on this very set (PAV)."""
    weights = np.where(fake, 1 / fake.sum(), 1 / (~fake).sum())
    line = IsotonicRegression(y_min=0, y_max=1)
    p = np.clip(line.fit_transform(log, fake, sample_weight=weights), 1e-12, 1 - 1e-12)
    return cllr(fake, np.log(p) - np.log1p(-p))


def ece(fake: Bool, log: Float) -> float:
    """Of P(fake) at equal numbers of both, against shares with both counting alike."""
    return metrics.ece(fake, sigmoid(log))


def decided(_: Bool, log: Float) -> float:
    """The share that has support either way."""
    return float(np.mean(np.abs(log) >= NEUTRAL))


MEASURES: dict[str, metrics.Metric] = {
    "cllr": cllr,
    "cllr_min": cllr_min,
    "auc": metrics.auc,
    "ece": ece,
}


def rows(found: Judged) -> list[Row]:
    """A line for each measure, with its interval over people."""
    table: list[Row] = [
        {"measure": "judged", "value": len(found.log)},
        {"measure": "people", "value": len(np.unique(found.people))},
    ]
    both = 0 < found.fake.sum() < len(found.fake)
    chosen = {**(MEASURES if both else {}), "decided": decided}
    for name, metric in chosen.items():
        table.append(_row(name, metric, found.fake, found.log, found.people))
    if np.isfinite(found.covered):
        table.append({"measure": "covered", "value": found.covered})
    for is_fake, who in ((False, "reals"), (True, "fakes")):
        of_label = found.fake == is_fake
        for level in ("fake", "suspicious", "inconclusive", "real") if of_label.any() else ():
            called = (found.levels[of_label] == level).astype(np.float64)
            given = (found.fake[of_label], called, found.people[of_label])
            table.append(_row(f"{who}_called_{level}", _share, *given))
    return table


def kinds(found: Judged) -> list[Row]:
    """Each kind of fakes against all the reals: what the LRs cost, and how many are flagged."""
    table = []
    for kind in np.unique(found.kinds[found.fake]):
        fakes = found.fake & (found.kinds == kind)
        chosen = fakes | ~found.fake
        row: Row = {"kind": str(kind), "fakes": int(fakes.sum())}
        if (~found.fake).any():
            row["cllr"] = cllr(found.fake[chosen], found.log[chosen])
            row["cllr_min"] = cllr_min(found.fake[chosen], found.log[chosen])
        for level in ("fake", "suspicious", "real"):
            row[f"called_{level}"] = float(np.mean(found.levels[fakes] == level))
        table.append(row)
    return table


def _share(_: Bool, called: Float) -> float:
    return float(np.mean(called))


def _row(name: str, metric: metrics.Metric, fake: Bool, values: Float, people: Any) -> Row:
    low, high = metrics.interval(metric, fake, values, people)
    return {"measure": name, "value": metric(fake, values), "low": low, "high": high}


def covered(scored: Scored, clips: Iterable[NDArray[np.intp]], model: Likelihood) -> float:
    """Of clips, given by the indices of their crops, the share of which both halves have the same
    LR as far as their 95 % intervals tell; nan without clips."""
    held = []
    for indices in clips:
        middle = len(indices) // 2
        one, other = (
            ratio(scored.pictures(half), model) for half in (indices[:middle], indices[middle:])
        )
        held.append(abs(one.log - other.log) <= Z_95 * np.hypot(one.error, other.error))
    return float(np.mean(held)) if held else float("nan")
