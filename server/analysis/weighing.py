"""From the scores of one person to a level: by the likelihood ratio of the network that gave them.

A manipulation of a part of the clip is not averaged away: if any stretch of neighbouring frames is
surely fake, so is the face, with `scores-disagree` to say that the rest does not look it. Levels
are thresholds on the LR before its bounds, set by how many genuine and manipulated *people* may be
on the wrong side; but none contradicts the LR that is stated.

Networks without a likelihood ratio (of somebody else, or for an answer of schema 1) are judged by
thresholds on P(fake), past which the 95 % interval of the mean must stay on its side of 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.registry import Likelihood
from server.analysis.evidence import (
    Z_95,
    Z_STRETCH,
    Estimate,
    Spread,
    estimate,
    strongest_stretch,
)
from server.analysis.likelihood import NEUTRAL, Pictures, ratio, support
from server.analysis.records import Float64, Ratio
from server.terms import Label, Level, Reason

JUDGED_PX = 100.0  # no face in the training data was smaller in its own video


@dataclass(frozen=True, slots=True)
class Rules:
    """When a face may be called what. Sizes in pixels of the full frame, the rest 0..1."""

    fake_at: float = 0.9
    real_at: float = 0.1
    min_face_px: float = JUDGED_PX
    min_sharpness: float = 0.3
    min_frontality: float = 0.25
    min_crops: int = 3  # of a video; a still image has one
    min_stretch_s: float = 0.6  # three samples at three a second
    usual: Spread = field(default_factory=Spread)
    likelihood: Likelihood | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """A level, the estimate that it rests on with the width of its interval, and the reasons.

    `run`: from which crop on and up to which, not included, the scores are others than in the rest;
    None where they do not disagree, or the network has no likelihood ratio.
    """

    level: Level
    answer: Estimate
    z: float = Z_95
    reasons: tuple[Reason, ...] = ()
    ratio: Ratio | None = None
    run: tuple[int, int] | None = None


def label_of(level: Level) -> Label:
    return "inconclusive" if level == "suspicious" else level


def weigh(pictures: Pictures, times_s: Float64, rules: Rules) -> Weighed:
    """The level of a person from their usable crops, at least one."""
    if rules.likelihood is None:
        return _by_thresholds(pictures.logits, times_s, rules)
    return _by_likelihood(pictures, times_s, rules, rules.likelihood)


def _by_likelihood(
    pictures: Pictures, times_s: Float64, rules: Rules, model: Likelihood
) -> Weighed:
    whole = ratio(pictures, model)
    part, run = _strongest_part(pictures, times_s, rules, model)
    on_whole = estimate(pictures.logits, rules.usual)
    levels: tuple[tuple[Level, float], ...] = (
        ("fake", model.fake_at),
        ("suspicious", model.suspect_at),
    )
    for level, at in levels:
        if _reaches(whole, at):
            return Weighed(level, on_whole, ratio=whole)
        if part is not None and _reaches(part, at):
            on_part = estimate(pictures.part(*run).logits, rules.usual)
            return Weighed(level, on_part, Z_STRETCH, ("scores-disagree",), part, run)
    if part is not None and part.log >= NEUTRAL and whole.log < NEUTRAL:
        disagree: tuple[Reason, ...] = ("scores-disagree",)
        return Weighed("inconclusive", on_whole, reasons=disagree, ratio=whole, run=run)
    if whole.log <= model.real_at and support(whole.lr).direction == "genuine":
        return Weighed("real", on_whole, ratio=whole)
    return Weighed("inconclusive", on_whole, reasons=("not-certain",), ratio=whole)


def _reaches(found: Ratio, at: float) -> bool:
    return found.log >= at and support(found.lr).direction == "manipulated"


def _strongest_part(
    pictures: Pictures, times_s: Float64, rules: Rules, model: Likelihood
) -> tuple[Ratio | None, tuple[int, int]]:
    """The LR of a stretch being manipulated, of that with the highest; and where it is."""
    count, least = len(times_s), rules.min_crops
    runs = [
        (start, stop)
        for start in range(count)
        for stop in range(start + least, count + 1)
        if stop - start < count and times_s[stop - 1] - times_s[start] >= rules.min_stretch_s
    ]
    found = [(ratio(pictures.part(*run), model, count / least), run) for run in runs]
    return max(found, key=lambda each: each[0].log, default=(None, (0, 0)))


def _by_thresholds(logits: Float64, times_s: Float64, rules: Rules) -> Weighed:
    whole = estimate(logits, rules.usual)
    least = (rules.min_crops, rules.min_stretch_s)
    part = strongest_stretch(logits, times_s, rules.usual, least)
    if _is_fake(whole, Z_95, rules):
        return Weighed("fake", whole)
    if part is not None and _is_fake(part, Z_STRETCH, rules):
        return Weighed("fake", part, Z_STRETCH, ("scores-disagree",))
    if part is not None and part.p_fake >= rules.fake_at and whole.p_fake < rules.fake_at:
        return Weighed("inconclusive", whole, reasons=("scores-disagree",))
    if whole.p_fake <= rules.real_at and whole.interval()[1] < 0.5:
        return Weighed("real", whole)
    return Weighed("inconclusive", whole, reasons=("not-certain",))


def _is_fake(evidence: Estimate, z: float, rules: Rules) -> bool:
    return evidence.p_fake >= rules.fake_at and evidence.interval(z)[0] > 0.5
