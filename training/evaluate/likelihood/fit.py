"""The numbers of a Likelihood, fitted by people: the line, the spreads, the bounds, the levels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, chi2, t
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from models.registry import Guarantee, Likelihood
from server.analysis.likelihood import NEUTRAL, STRENGTH_FROM, log_sharpness, log_size
from server.analysis.scoring import sigmoid
from training.evaluate.likelihood.people import TREATMENTS, Scored, one_each

FALSE_ALARMS = 0.01  # of genuine people, the share that may be called fake,
FALSE_SUSPICIONS = 0.05  # and suspicious or fake
MISSES = 0.05  # of manipulated people, the share that may be called real
QUALITY_ENDS = (5, 50, 95)  # percentiles: lowest, usual, highest
DRAWS = 50  # of one crop of each person
CONFIDENCE = 0.95
WEAK_PRIOR = 1e3
TERMS = 6
FOLDS = 16  # groups of people, each left out once
SAID = 0.05  # an answer that fewer people get, at some quality, reassures nobody there

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spreads:
    """How scores of one label vary, in logits: between people, between the crops of a person.

    `people` is the most that it may be at 95 % confidence: were it less than it is, many pictures
    of one person would count as if they were of several."""

    people: float
    crops: float


def spreads(scored: Scored) -> Spreads:
    """One-way analysis of variance, people being drawn from many; both labels pooled.

    Raises ValueError where nobody is there twice.
    """
    between, within, freedom, groups, sizes = 0.0, 0.0, 0, 0, []
    for is_fake in (False, True):
        chosen = scored.take(scored.fake == is_fake)
        mean = chosen.logits.mean() if len(chosen) else 0.0
        for person in np.unique(chosen.people):
            values = chosen.logits[chosen.people == person]
            if len(values) > 1:
                within += float(((values - values.mean()) ** 2).sum())
                freedom += len(values) - 1
                between += len(values) * float((values.mean() - mean) ** 2)
                sizes.append(len(values))
                groups += 1
    if not freedom or groups < 3:
        raise ValueError("nobody is there twice: how people vary cannot be told from the crops")
    crops = within / freedom
    at_most = between / float(chi2.ppf(1 - CONFIDENCE, groups - 2))
    # The size that counts where people have different numbers of crops (Searle et al. 1992).
    size = (sum(sizes) - sum(n * n for n in sizes) / sum(sizes)) / (groups - 1)
    people = (at_most - crops) / size
    return Spreads(float(np.sqrt(max(0.0, people))), float(np.sqrt(crops)))


Quality = tuple[tuple[float, float, float], tuple[float, float, float]]


def quality(scored: Scored) -> Quality:
    """Lowest, usual and highest log sharpness and log size of what the line is fitted on."""
    sizes = scored.sizes_px[np.isfinite(scored.sizes_px)]
    sharp = np.percentile(log_sharpness(scored.sharpness), QUALITY_ENDS)
    size = np.percentile(log_size(sizes), QUALITY_ENDS) if len(sizes) else np.zeros(3)
    one, other = ([round(float(v), 4) for v in values] for values in (sharp, size))
    return (one[0], one[1], one[2]), (other[0], other[1], other[2])


def rows(scored: Scored, usual: Quality) -> Float:
    """What the line is a sum of, for each crop: float64 [N, 6]."""
    columns = [np.ones(len(scored))]
    logs = (log_sharpness(scored.sharpness), log_size(scored.sizes_px))
    for values, (low, middle, high) in zip(logs, usual, strict=True):
        columns.append(np.nan_to_num(np.clip(values, low, high) - middle))
    terms = np.stack(columns, axis=1)
    return np.concatenate([terms, scored.logits[:, None] * terms], axis=1)


def line(scored: Scored, usual: Quality) -> tuple[Float, Float]:
    """The line float64 [6] by logistic regression in which people count alike, and its covariance
    [6, 6] over people.

    Where the slope would turn round at some quality, it does not depend on quality.
    """
    table, weights = rows(scored, usual), _balanced(scored)
    found, used = _rising(table, scored.fake, weights, usual)
    covariance = np.zeros((TERMS, TERMS))
    covariance[np.ix_(used, used)] = _over_people(table[:, used], found[used], weights, scored)
    return found, covariance


def _rising(
    table: Float, fake: NDArray[np.bool_], weights: Float, usual: Quality
) -> tuple[Float, NDArray[np.bool_]]:
    """The line float64 [6], and which of its terms are used."""
    used = np.ones(TERMS, bool)
    found = _regression(table, fake, weights, used)
    if not _rises(found, usual):
        used[TERMS - 2 :] = False
        found = _regression(table, fake, weights, used)
    return found, used


def held_out(scored: Scored, usual: Quality) -> Float:
    """ln LR of each crop, by a line that was fitted without its person: float64 [N]."""
    found, table = np.empty(len(scored)), rows(scored, usual)
    folds = GroupKFold(min(FOLDS, len(np.unique(scored.people))))
    for others, own in folds.split(table, groups=scored.people):
        weights = _balanced(scored.take(others))
        found[own] = table[own] @ _rising(table[others], scored.fake[others], weights, usual)[0]
    return found


def _balanced(scored: Scored) -> Float:
    """Weights of crops, with which both labels count alike: LRs presume no prior."""
    weights = scored.weights()
    for label in (False, True):
        weights[scored.fake == label] *= len(scored) / 2 / weights[scored.fake == label].sum()
    return weights


def _regression(
    table: Float, fake: NDArray[np.bool_], weights: Float, used: NDArray[np.bool_]
) -> Float:
    # A weak prior keeps the scale finite where the labels do not overlap.
    fitted = LogisticRegression(C=WEAK_PRIOR, fit_intercept=False, max_iter=1000)
    fitted.fit(table[:, used], fake, weights)
    found = np.zeros(TERMS)
    found[used] = fitted.coef_[0]
    return found


def _over_people(table: Float, found: Float, weights: Float, scored: Scored) -> Float:
    """How the line would vary with other people: the sandwich of Liang and Zeger (1986), whose
    meat is the sum over people."""
    p = sigmoid(table @ found)
    curvature = (table * (weights * p * (1 - p))[:, None]).T @ table
    bread = np.linalg.inv(curvature + np.eye(len(found)) / WEAK_PRIOR)
    _, person = np.unique(scored.people, return_inverse=True)
    pulls = np.zeros((person.max() + 1, len(found)))
    np.add.at(pulls, person, table * (weights * (scored.fake - p))[:, None])
    return np.asarray(bread @ pulls.T @ pulls @ bread, np.float64)


def _rises(found: Float, usual: Quality) -> bool:
    ends = [(low - middle, high - middle) for low, middle, high in usual]
    slopes = [found[3] + found[4] * one + found[5] * other for one, other in product(*ends)]
    return min(slopes) > 0


def bounds(log: Float, scored: Scored) -> tuple[float, float]:
    """The LRs that as many people carry, lowest and highest (ELUB): the median over draws of one
    crop of each person. `log` float64 [N] is ln LR of each crop."""
    from lir.algorithms.bayeserror import elub  # only who fits needs it

    draw, rng = one_each(scored), np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        chosen = draw(rng)
        found.append(elub(log[chosen] / np.log(10), scored.fake[chosen].astype(int)))
    low, high = 10 ** np.median(found, axis=0)
    return float(low), float(high)


def quantile(values: Float, weights: Float, share: float) -> float:
    """The least value that `share` of the weights lie at or below."""
    order = np.argsort(values)
    passed = np.cumsum(weights[order]) >= share * weights.sum() - 1e-9
    return float(values[order][np.argmax(passed)])


def beyond(values: Float, weights: Float, share: float) -> float:
    """What only `share` of further people are expected to pass, from those who weigh 1 each.

    Few people leave the end of the range nearly empty, so a count alone is too low: the limit of a
    normal for one more person (Student's t) holds too, and the higher of both is taken.
    """
    people = weights.sum()
    counted = float(np.nextafter(quantile(values, weights, 1 - share), np.inf))
    if people < 2:
        return counted
    mean = float(np.average(values, weights=weights))
    variance = float(np.average((values - mean) ** 2, weights=weights)) * people / (people - 1)
    margin = float(t.ppf(1 - share, people - 1)) * np.sqrt(variance * (1 + 1 / people))
    return max(counted, mean + float(margin))


def levels(log: Float, scored: Scored) -> tuple[float, float, float]:
    """`fake_at`, `suspect_at` and `real_at` on ln LR; none of them where no side is supported.

    `log` float64 [N] is that of people whom the line has not seen (`held_out`)."""
    weights = scored.weights()
    genuine, fake = (log[scored.fake == side] for side in (False, True))
    of_genuine, of_fake = (weights[scored.fake == side] for side in (False, True))
    fake_at = max(beyond(genuine, of_genuine, FALSE_ALARMS), NEUTRAL)
    suspect = beyond(genuine, of_genuine, FALSE_SUSPICIONS)
    real_at = min(-beyond(-fake, of_fake, MISSES), -NEUTRAL)
    return fake_at, min(max(suspect, NEUTRAL), fake_at), real_at


def still(log: Float, photos: Scored, fake_at: float, suspect_at: float) -> float:
    """What ln LR of a still picture must lose for no more genuine people to be flagged in photos
    than in videos, at either level."""
    weights = photos.weights()
    flagged = beyond(log, weights, FALSE_ALARMS) - fake_at
    suspected = beyond(log, weights, FALSE_SUSPICIONS) - suspect_at
    return max(0.0, flagged, suspected)


def guarantee(log: Float, scored: Scored, fake_at: float, suspect_at: float) -> Guarantee:
    """What checking each genuine person once shows, and the shares that it leaves possible."""
    chosen = ~scored.fake
    values, weights = log[chosen], scored.take(chosen).weights()
    people = len(np.unique(scored.people[chosen]))
    flagged, suspected = (
        int(np.ceil(float(weights[values >= at].sum()) - 1e-9)) for at in (fake_at, suspect_at)
    )
    return Guarantee(
        people=people,
        flagged=flagged,
        suspected=suspected,
        flagged_at_most=round(_at_most(flagged, people), 4),
        suspected_at_most=round(_at_most(suspected, people), 4),
    )


def _at_most(found: int, people: int) -> float:
    """The exact upper limit of a share (Clopper and Pearson 1934)."""
    return float(beta.ppf(CONFIDENCE, found + 1, people - found)) if found < people else 1.0


def kinds(log: Float, scored: Scored, real_at: float) -> dict[str, float]:
    """For each kind of fake the LR that "no sign" carries: the share of its people that get this
    answer over that of genuine people, after the treatment where this is most."""
    weights = scored.weights()

    def share(chosen: NDArray[np.bool_]) -> float:
        found = weights[chosen & (log <= real_at)].sum()
        return float(found / weights[chosen].sum()) if chosen.any() else 0.0

    worst: dict[str, float] = {}
    for kind, treatment in product(np.unique(scored.kinds[scored.fake]), TREATMENTS):
        alike = scored.treatments == treatment
        of_fakes, of_genuine = (
            share(alike & (scored.kinds == kind) & scored.fake),
            share(alike & ~scored.fake),
        )
        said = max(of_fakes, of_genuine) >= SAID
        found = of_fakes / max(of_genuine, 1e-9) if said else 0.0
        worst[str(kind)] = max(worst.get(str(kind), 0.0), found)
    return worst


def is_covered(lr_of_no_sign: float) -> bool:
    """Whether "no sign" supports that a face is genuine against this kind of fake at all."""
    return lr_of_no_sign <= 1 / STRENGTH_FROM[0]


def logs(scored: Scored, model: Likelihood) -> Float:
    """ln LR of each crop alone, before the bounds: float64 [N]."""
    return rows(scored, model.quality) @ np.array(model.line)
