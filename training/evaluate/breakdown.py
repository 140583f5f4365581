"""Numbers by kind: per video, per method, by size of the face, by age, gender and race."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import metrics
from training.evaluate.scored import Row, Scored
from training.evaluate.summary import summarize

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
