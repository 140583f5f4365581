"""How good likelihood ratios are: what they cost (Cllr), what is decided, whom the levels flag.

Cllr (Brümmer and du Preez 2006) is the mean cost in bits of believing the LRs, with as many fakes
as reals: 1 is worth nothing, less is better. Its minimum is what the best monotone recalibration on
this very set would reach, so the difference is what is lost by calibration and by the bounds; the
best recalibration within the bounds tells the two apart. The floor is what two normals of one
variance with the same AUC cost, with their true LRs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

from server.analysis.likelihood import NEUTRAL
from server.analysis.scoring import sigmoid
from training import metrics
from training.evaluate.likelihood.judged import Bool, Float, Judged
from training.evaluate.scored import Row, Scored

QUADRATURE = 64  # nodes


def cllr(fake: Bool, log: Float) -> float:
    """The log likelihood ratio cost, in bits."""
    costs = np.logaddexp(0, np.where(fake, -log, log)) / np.log(2)
    return float((costs[fake].mean() + costs[~fake].mean()) / 2)


def cllr_min(fake: Bool, log: Float) -> float:
    """The cost that is left after the best monotone recalibration on this very set (PAV)."""
    return cllr(fake, _recalibrated(fake, log))


def cllr_within(fake: Bool, log: Float, bounds: tuple[float, float]) -> float:
    """The same within bounds of the LR."""
    return cllr(fake, np.clip(_recalibrated(fake, log), *np.log(bounds)))


def cllr_floor(fake: Bool, log: Float) -> float:
    """The cost of the true LRs of two normals of one variance that overlap as these scores do."""
    auc = np.clip(metrics.auc(fake, log), 0.5, 1 - 1e-9)
    apart = np.sqrt(2) * norm.ppf(auc)  # in standard deviations
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE)
    costs = np.logaddexp(0, -(apart**2 / 2 + apart * nodes)) / np.log(2)
    return float(weights @ costs / weights.sum())


def _recalibrated(fake: Bool, log: Float) -> Float:
    weights = np.where(fake, 1 / fake.sum(), 1 / (~fake).sum())
    line = IsotonicRegression(y_min=0, y_max=1)
    p = np.clip(line.fit_transform(log, fake, sample_weight=weights), 1e-12, 1 - 1e-12)
    return np.asarray(np.log(p) - np.log1p(-p), np.float64)


def ece(fake: Bool, log: Float) -> float:
    """Of P(fake) at equal numbers of both, against shares with both counting alike."""
    return metrics.ece(fake, sigmoid(log))


def decided(_: Bool, log: Float) -> float:
    """The share that has support either way."""
    return float(np.mean(np.abs(log) >= NEUTRAL))


MEASURES: dict[str, metrics.Metric] = {
    "cllr": cllr,
    "cllr_min": cllr_min,
    "cllr_floor": cllr_floor,
    "auc": metrics.auc,
    "ece": ece,
}


def people(given: Scored) -> list[Row]:
    """A line for each measure of people, one picture each."""
    return _table(given, "evidence", rows)


def videos(given: Scored) -> list[Row]:
    """A line for each measure of clips."""
    return _table(given, "video_evidence", rows)


def people_kinds(given: Scored) -> list[Row]:
    """A line for each kind of fakes, of people."""
    return _table(given, "evidence", kinds)


def video_kinds(given: Scored) -> list[Row]:
    """A line for each kind of fakes, of clips."""
    return _table(given, "video_evidence", kinds)


def _table(given: Scored, of: str, tell: Callable[[Judged], list[Row]]) -> list[Row]:
    found = given.evidence.get(of)
    return tell(found) if found else []


def rows(found: Judged) -> list[Row]:
    """A line for each measure, with its interval over people."""
    table: list[Row] = [
        {"measure": "judged", "value": len(found.log)},
        {"measure": "people", "value": len(np.unique(found.people))},
    ]
    both = 0 < found.fake.sum() < len(found.fake)
    within = {"cllr_within": partial(cllr_within, bounds=found.bounds)} if found.bounds else {}
    chosen = {**(MEASURES | within if both else {}), "decided": decided}
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
