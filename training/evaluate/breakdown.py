"""Every number of a model on what it has never seen: of single crops, per video, per method, by
size of the face, by age, gender and race."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import registry
from training import metrics
from training.data.crops import Crops
from training.evaluate.model import Model
from training.evaluate.scored import Row, Scored, scored

SIZE_STEPS_PX = (0, 100, 150, 200, 300, 10_000)
PEOPLE = ("age", "gender", "race")


def crops(given: Scored) -> list[Row]:
    """A line for each metric of single crops."""
    result = summarize(given)
    rows: list[Row] = [
        {"measure": "crops", "value": result.crops},
        {"measure": "people", "value": result.identities},
    ]
    for name, value in result.values.items():
        low, high = result.intervals[name]
        rows.append({"measure": name, "value": value, "low": low, "high": high})
    return rows


def videos(given: Scored) -> list[Row]:
    """A line for each metric of the clips that could be judged, and of labels their shares."""
    clips = given.clips
    if not len(clips):
        return []
    known = np.isfinite(clips.p_fake)
    fake, p_fake, people = clips.fake[known], clips.p_fake[known], clips.identities[known]
    rows: list[Row] = [
        {"measure": "videos", "value": len(clips)},
        {"measure": "judged", "value": int(known.sum())},
    ]
    if 0 < fake.sum() < len(fake):
        rows += [
            _row({"measure": name}, metric, fake, p_fake, people)
            for name, metric in metrics.METRICS.items()
        ]
    for is_fake, who in ((False, "reals"), (True, "fakes")):
        chosen = clips.labels[clips.fake == is_fake]
        for label in ("fake", "inconclusive", "real") if len(chosen) else ():
            share = float(np.mean(chosen == label))
            rows.append({"measure": f"{who}_called_{label}", "value": share})
    return rows


def methods(given: Scored) -> list[Row]:
    """Each method's fakes against all the reals, single crops."""
    found, about = given.crops.columns.get("method"), given.crops
    if found is None or not given.has_both:
        return []
    return _by_method(about.fake, given.p_fake, found, about.identities)


def video_methods(given: Scored) -> list[Row]:
    """Each method's fakes against all the reals, videos."""
    clips = given.clips
    if not len(clips) or not given.has_both:
        return []
    return _by_method(clips.fake, clips.p_fake, clips.methods, clips.identities)


def sizes(given: Scored) -> list[Row]:
    """The AUC by the longer side of the face in its own frame, where that is known."""
    about = given.crops
    column = "face_px" if "face_px" in about.columns else "orig_face_px"
    if column not in about.columns:
        return []
    found = about.numbers(column, np.nan)
    rows = []
    for low, high in pairwise(SIZE_STEPS_PX):
        chosen = (found >= low) & (found < high)
        fake = about.fake[chosen]
        if 0 < fake.sum() < len(fake):
            row = {"face_px": f"{low} to {high}", "crops": int(chosen.sum())}
            people = about.identities[chosen]
            rows.append(_row(row, metrics.auc, fake, given.p_fake[chosen], people))
    return rows


def people(given: Scored) -> list[Row]:
    """Of the reals of each age, gender and race, the share that is called fake."""
    about, calibration = given.crops, given.model.calibration
    if calibration is None:
        return []
    rows = []
    for kind in PEOPLE:
        groups = about.columns.get(kind)
        for group in np.unique(groups[groups != ""]) if groups is not None else ():
            chosen = (groups == group) & ~about.fake
            row = {"kind": kind, "group": str(group), "reals": int(chosen.sum())}
            called = (given.p_fake[chosen] >= calibration.fake_at).astype(np.float64)
            names, who = about.fake[chosen], about.identities[chosen]
            rows.append(_row(row, lambda _, p: float(np.mean(p)), names, called, who))
    return rows


def _by_method(
    fake: metrics.Bool, p_fake: metrics.Float, of_each: NDArray[Any], people: NDArray[Any]
) -> list[Row]:
    known = np.isfinite(p_fake)
    rows = []
    for method in np.unique(of_each[fake & known]):
        chosen = known & (~fake | (of_each == method))
        row = {"method": str(method), "fakes": int((chosen & fake).sum())}
        if (chosen & ~fake).any():
            rows.append(_row(row, metrics.auc, fake[chosen], p_fake[chosen], people[chosen]))
    return rows


def _row(start: Row, metric: metrics.Metric, fake: Any, p_fake: Any, people: NDArray[Any]) -> Row:
    low, high = metrics.interval(metric, fake, p_fake, people)
    return {**start, "value": metric(fake, p_fake), "low": low, "high": high}


@dataclass(frozen=True, slots=True)
class Result:
    """Numbers on one set, and between which values 95 % of resampled people put them."""

    model: str
    crops: int
    identities: int
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]


def evaluate(model: Model, crops: Crops) -> Result:
    """What `summarize` tells of the crops once `model` has seen them."""
    return summarize(scored(model, crops))


def summarize(given: Scored) -> Result:
    """Every metric that the set allows: what needs both classes is left out where one is missing.

    `called_fake` and `called_real` are the shares beyond the model's two thresholds.
    """
    fake, people = given.crops.fake, given.crops.identities
    chosen: dict[str, metrics.Metric] = dict(metrics.METRICS) if given.has_both else {}
    if given.model.calibration is not None:
        chosen |= _shares(given.model.calibration, fake)
    values = {name: metric(fake, given.p_fake) for name, metric in chosen.items()}
    intervals = {
        name: metrics.interval(metric, fake, given.p_fake, people)
        for name, metric in chosen.items()
    }
    return Result(given.model.name, len(fake), len(set(people)), values, intervals)


def _shares(calibration: registry.Calibration, fake: metrics.Bool) -> dict[str, metrics.Metric]:
    """Of reals and of fakes, how many are called fake and how many real."""

    def share(of_fakes: bool, called: Callable[[metrics.Float], metrics.Bool]) -> metrics.Metric:
        def measure(labels: metrics.Bool, probability: metrics.Float) -> float:
            chosen = probability[labels == of_fakes]
            return float(np.mean(called(chosen))) if len(chosen) else math.nan

        return measure

    shares: dict[str, metrics.Metric] = {}
    for of_fakes, group in ((False, "reals"), (True, "fakes")):
        if np.any(fake == of_fakes):
            shares[f"{group}_called_fake"] = share(of_fakes, lambda p: p >= calibration.fake_at)
            shares[f"{group}_called_real"] = share(of_fakes, lambda p: p <= calibration.real_at)
    return shares
