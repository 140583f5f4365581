"""Videos judged from the scores of their crops, by the service's own rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import registry
from server.analysis.records import Float32, Track, TrackScores
from server.analysis.verdict import judge
from server.analysis.weighing import Rules
from training.data import crops as data


@dataclass(frozen=True, slots=True)
class Videos:
    """V clips. `p_fake` float64 [V], nan where no crop could be judged; `intervals` [V, 2];
    `labels`, `identities` and `methods` str [V]; `fake` bool [V].

    `levels` str [V]; `log` float64 [V] is ln LR before its bounds, nan where there is none."""

    names: tuple[str, ...]
    fake: NDArray[np.bool_]
    p_fake: NDArray[np.float64]
    intervals: NDArray[np.float64]
    labels: NDArray[Any]
    identities: NDArray[Any]
    methods: NDArray[Any]
    levels: NDArray[Any]
    log: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.names)


def tracks(crops: data.Crops) -> dict[str, NDArray[np.intp]]:
    """The indices of each clip's crops, in order of time; of those that have more than one."""
    clips = crops.columns.get("clip")
    if clips is None:
        return {}
    times = crops.numbers("time_s", 0.0)
    found = {str(name): np.flatnonzero(clips == name) for name in np.unique(clips[clips != ""])}
    return {name: i[np.argsort(times[i])] for name, i in found.items() if len(i) > 1}


def judged(
    crops: data.Crops,
    p_fake: Float32,
    calibration: registry.Calibration | None,
    likelihood: registry.Likelihood | None = None,
) -> Videos:
    """Each clip of `crops` as the service would judge it, from `p_fake` float32 [N]."""
    rules = Rules(calibration.fake_at, calibration.real_at) if calibration else Rules()
    rules = replace(rules, likelihood=likelihood)
    columns = [crops.numbers(name) for name in ("time_s", "sharpness", "frontality")]
    columns.append(crops.numbers("face_px", rules.min_face_px))
    found = tracks(crops)
    verdicts = [
        judge(_track(*(values[i] for values in columns)), TrackScores(1, p_fake[i]), rules)
        for i in found.values()
    ]
    first = np.array([i[0] for i in found.values()], np.intp)
    nothing = (np.nan, np.nan)
    return Videos(
        names=tuple(found),
        fake=crops.fake[first],
        p_fake=np.array([np.nan if v.p_fake is None else v.p_fake for v in verdicts]),
        intervals=np.array([v.interval or nothing for v in verdicts]).reshape(-1, 2),
        labels=np.array([v.label for v in verdicts]),
        identities=crops.identities[first],
        methods=crops.columns.get("method", np.full(len(crops), ""))[first],
        levels=np.array([v.level for v in verdicts]),
        log=np.array([v.ratio.log if v.ratio else np.nan for v in verdicts]),
    )


def _track(times_s: Float32, sharpness: Float32, frontality: Float32, sizes: Float32) -> Track:
    count = len(times_s)
    return Track(
        id=1,
        times_s=times_s.astype(np.float64),
        boxes=np.zeros((count, 4), np.float32),
        crops=np.zeros((count, 1, 1, 3), np.uint8),
        crop_times_s=times_s.astype(np.float64),
        quality=(sharpness * frontality) ** np.float32(0.5),
        sharpness=sharpness,
        frontality=frontality,
        sizes_px=sizes,
    )
