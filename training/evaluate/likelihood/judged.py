"""Likelihood ratios of the people and clips of a scored set, within their bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.registry import Likelihood
from server.analysis.evidence import Z_95
from server.analysis.likelihood import ratio
from training.data.crops import Crops
from training.evaluate.likelihood import fit
from training.evaluate.likelihood.people import Scored, known, one_each
from training.evaluate.videos import Videos, tracks

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """N people or videos with a likelihood ratio. `log` float64 [N] is ln LR within the bounds,
    `levels`, `people` and `kinds` of fakes str [N], `fake` bool [N]. `covered`: how often both
    halves of a clip agree within their intervals, nan of single pictures. `bounds` of every LR."""

    fake: Bool
    log: Float
    levels: NDArray[Any]
    people: NDArray[Any]
    kinds: NDArray[Any]
    covered: float = float("nan")
    bounds: tuple[float, float] | None = None


def judged(
    crops: Crops, p_fake: NDArray[np.float32], clips: Videos, model: Likelihood
) -> dict[str, Judged]:
    """One picture of each person with each label, and each clip if there are any: by the names of
    their tables."""
    scored = known(crops, p_fake)
    chosen = scored.take(one_each(scored)(np.random.default_rng(0)))
    log = fit.logs(chosen, model)
    about = (levels(log, model), chosen.people, chosen.kinds)
    found = {"evidence": Judged(chosen.fake, bounded(log, model), *about, bounds=model.bounds)}
    told = np.isfinite(clips.log)
    if told.any():
        of_clips = (clips.fake, bounded(clips.log, model), clips.levels, clips.identities)
        values = [each[told] for each in (*of_clips, clips.methods)]
        halves = covered(scored, tracks(crops).values(), model)
        found["video_evidence"] = Judged(*values, halves, model.bounds)
    return found


def levels(log: Float, model: Likelihood) -> NDArray[Any]:
    """The level of a single picture with ln LR `log` before the bounds."""
    names = np.array(["fake", "suspicious", "inconclusive", "real"])
    at = (log < model.fake_at).astype(int) + (log < model.suspect_at) + (log <= model.real_at)
    return names[at]


def bounded(log: Float, model: Likelihood) -> Float:
    """ln LR within what the people behind the model can carry, float64 [N]."""
    return np.asarray(np.clip(log, *np.log(model.bounds)), np.float64)


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
