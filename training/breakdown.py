"""Numbers by kind: per video, per method, by size of the face, by age, gender and race."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import registry
from training import metrics
from training.data import crops as data
from training.videos import Videos

Row = dict[str, Any]
SIZE_STEPS_PX = (0, 100, 150, 200, 300, 10_000)
PEOPLE = ("age", "gender", "race")


def of_videos(videos: Videos) -> list[Row]:
    """A line for each metric of the clips that could be judged, with its interval over people."""
    known = np.isfinite(videos.p_fake)
    fake, p_fake, people = videos.fake[known], videos.p_fake[known], videos.identities[known]
    rows: list[Row] = [
        {"measure": "videos", "value": len(videos)},
        {"measure": "judged", "value": int(known.sum())},
    ]
    if 0 < fake.sum() < len(fake):
        rows += [
            _row({"measure": name}, metric, fake, p_fake, people)
            for name, metric in metrics.METRICS.items()
        ]
    for is_fake, who in ((False, "reals"), (True, "fakes")):
        chosen = videos.labels[videos.fake == is_fake]
        for label in ("fake", "inconclusive", "real") if len(chosen) else ():
            share = float(np.mean(chosen == label))
            rows.append({"measure": f"{who}_called_{label}", "value": share})
    return rows


def by_method(
    fake: NDArray[np.bool_], p_fake: NDArray[Any], methods: NDArray[Any], people: NDArray[Any]
) -> list[Row]:
    """Each method's fakes against all the reals."""
    known = np.isfinite(p_fake)
    rows = []
    for method in np.unique(methods[fake & known]):
        chosen = known & (~fake | (methods == method))
        row = {"method": str(method), "fakes": int((chosen & fake).sum())}
        if (chosen & ~fake).any():
            rows.append(_row(row, metrics.auc, fake[chosen], p_fake[chosen], people[chosen]))
    return rows


def by_size(crops: data.Crops, p_fake: NDArray[Any]) -> list[Row]:
    """The AUC by the longer side of the face in its own frame, where that is known."""
    column = "face_px" if "face_px" in crops.columns else "orig_face_px"
    if column not in crops.columns:
        return []
    sizes = crops.numbers(column, np.nan)
    rows = []
    for low, high in pairwise(SIZE_STEPS_PX):
        chosen = (sizes >= low) & (sizes < high)
        fake = crops.fake[chosen]
        if 0 < fake.sum() < len(fake):
            row = {"face_px": f"{low} to {high}", "crops": int(chosen.sum())}
            people = crops.identities[chosen]
            rows.append(_row(row, metrics.auc, fake, p_fake[chosen], people))
    return rows


def by_people(
    crops: data.Crops, p_fake: NDArray[Any], calibration: registry.Calibration
) -> list[Row]:
    """Of the reals of each age, gender and race, the share that is called fake."""
    rows = []
    for kind in PEOPLE:
        groups = crops.columns.get(kind)
        for group in np.unique(groups[groups != ""]) if groups is not None else ():
            chosen = (groups == group) & ~crops.fake
            row = {"kind": kind, "group": str(group), "reals": int(chosen.sum())}
            called = (p_fake[chosen] >= calibration.fake_at).astype(np.float64)
            names, people = crops.fake[chosen], crops.identities[chosen]
            rows.append(_row(row, lambda _, p: float(np.mean(p)), names, called, people))
    return rows


def _row(start: Row, metric: metrics.Metric, fake: Any, p_fake: Any, people: NDArray[Any]) -> Row:
    low, high = metrics.interval(metric, fake, p_fake, people)
    return {**start, "value": metric(fake, p_fake), "low": low, "high": high}
