"""How the scores of one clip vary, in logits: what server.analysis.evidence.Spread presumes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.analysis.evidence import Z_95, Spread, estimate, to_logits
from training.data.crops import Crops
from training.evaluate.scored import Row, Scored
from training.evaluate.videos import tracks

LEAST = 8  # crops of a clip; from fewer no correlation can be told


def rows(given: Scored) -> list[Row]:
    """A line for each value: of clips where the crops tell their time, else of people."""
    if "time_s" in given.crops.columns:
        found = of_clips(given.crops, given.p_fake)
    else:
        found = {"frames and clips": of_people(given.crops, given.p_fake)}
    return [{"measure": name, "value": value} for name, value in found.items()]


def of_clips(crops: Crops, p_fake: NDArray[np.float32]) -> dict[str, float]:
    """The values of Spread as they are in `crops`, and how often its interval holds.

    `frames`: the spread within a clip; `correlation`: of neighbouring crops, corrected for short
    series (Kendall 1954); `clips`: the spread of clip means around the mean of their person and
    label, less what the frames explain. `covered`: the share of clips of which the interval of the
    first half holds the mean of the second; `covered_clips`: of which it holds the mean of the
    same person's other clips of that label. Raises ValueError where no clip is long enough.
    """
    found = {name: i for name, i in tracks(crops).items() if len(i) >= LEAST}
    if not found:
        raise ValueError(f"no clip here has {LEAST} crops or more")
    logits = {name: to_logits(p_fake[i]) for name, i in found.items()}
    frames = float(np.sqrt(np.mean([values.var(ddof=1) for values in logits.values()])))
    correlation = float(np.mean([_correlation(values) for values in logits.values()]))
    answer = {
        "clips measured": float(len(logits)),
        "frames": frames,
        "correlation": correlation,
    }
    kinds: dict[tuple[str, bool], list[str]] = {}
    for name, i in found.items():
        kinds.setdefault((str(crops.identities[i[0]]), bool(crops.fake[i[0]])), []).append(name)
    several = [names for names in kinds.values() if len(names) > 1]
    if several:
        answer["clips"] = _between(several, logits)
        answer["covered_clips"] = _covered_clips(several, logits)
    answer["covered"] = float(np.mean([_covers_rest(values) for values in logits.values()]))
    return answer


def of_people(crops: Crops, p_fake: NDArray[np.float32]) -> float:
    """The spread of single crops, each of another clip, around the mean of their person and label:
    that between clips and that within one, together. NaN where nobody is there twice."""
    logits = to_logits(p_fake)
    kinds: dict[tuple[str, bool], list[float]] = {}
    for who, fake, logit in zip(crops.identities, crops.fake, logits, strict=True):
        kinds.setdefault((str(who), bool(fake)), []).append(float(logit))
    squares = sum(np.var(values) * len(values) for values in kinds.values())
    freedom = len(logits) - len(kinds)
    return float(np.sqrt(squares / freedom)) if freedom else float("nan")


def _correlation(values: NDArray[np.float64]) -> float:
    rest = values - values.mean()
    squares = float(rest @ rest)
    seen = float(rest[1:] @ rest[:-1]) / squares if squares > 1e-9 else 0.0
    return seen + (1 + 3 * seen) / len(values)


def _between(several: list[list[str]], logits: dict[str, NDArray[np.float64]]) -> float:
    """The spread of true clip means; 0 where the frames explain all of what is seen."""
    seen, explained, freedom = 0.0, 0.0, 0
    for names in several:
        means = np.array([logits[name].mean() for name in names])
        seen += float(((means - means.mean()) ** 2).sum())
        freedom += len(names) - 1
    names_all = [name for names in several for name in names]
    explained = float(np.mean([estimate(logits[n], _no_clips()).error ** 2 for n in names_all]))
    return float(np.sqrt(max(0.0, seen / freedom - explained)))


def _no_clips() -> Spread:
    return Spread(clips=0.0)


def _covered_clips(several: list[list[str]], logits: dict[str, NDArray[np.float64]]) -> float:
    hits = []
    for names in several:
        for name in names:
            others = np.mean([logits[other].mean() for other in names if other != name])
            found = estimate(logits[name], Spread())
            hits.append(abs(found.logit - others) <= Z_95 * found.error)
    return float(np.mean(hits))


def _covers_rest(values: NDArray[np.float64]) -> bool:
    half = len(values) // 2
    found = estimate(values[:half], Spread())
    return bool(abs(found.logit - values[half:].mean()) <= Z_95 * found.error)
