"""Pictures of a measurement: ROC, reliability, robustness, and those of likelihood ratios."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from server.analysis.likelihood import NEUTRAL
from server.analysis.scoring import sigmoid
from training import metrics
from training.evaluate.likelihood.judged import Judged
from training.evaluate.likelihood.measures import cllr, cllr_min
from training.evaluate.scored import Row, Scored

BINS = 10
LR_BINS = 8
TIPPETT_END = 2.0  # log10 of the LR


def draw(given: Scored, treated: list[Row], about: str, folder: Path) -> list[Path]:
    """Write roc.png, reliability.png, those of likelihood ratios and, of the rows of
    robustness, robustness.png into `folder`, those that the set allows; `about` is their title."""
    figures: dict[str, Figure] = {}
    if given.has_both:
        figures["roc"] = _roc(given.crops.fake, given.p_fake)
        figures["reliability"] = _reliability(given.crops.fake, given.p_fake)
    for name, judged in given.evidence.items():
        figures |= of_evidence(name, judged)
    if treated:
        figures["robustness"] = _robustness(treated)
    for name, figure in figures.items():
        figure.suptitle(about, fontsize=10)
        figure.savefig(folder / f"{name}.png", dpi=110)
    return [folder / f"{name}.png" for name in figures]


def _roc(fake: metrics.Bool, p_fake: metrics.Float) -> Figure:
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    false_positives, true_positives = metrics.roc(fake, p_fake)
    auc = metrics.auc(fake, p_fake)
    axes.plot(false_positives, true_positives, label=f"AUC {auc:.3f}")
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="chance")
    axes.set(xlabel="reals called fake", ylabel="fakes called fake", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return figure


def _reliability(fake: metrics.Bool, p_fake: metrics.Float) -> Figure:
    figure = Figure(figsize=(5, 5.6), layout="constrained")
    above, below = figure.subplots(2, height_ratios=(3, 1), sharex=True)
    edges = np.linspace(0, 1, BINS + 1)
    bins = np.minimum((p_fake * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    filled = counts > 0
    stated = np.bincount(bins, p_fake, BINS)[filled] / counts[filled]
    found = np.bincount(bins, fake, BINS)[filled] / counts[filled]
    above.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
    above.plot(stated, found, marker="o", label="measured")
    above.set(ylabel="share that is fake", xlim=(0, 1), ylim=(0, 1))
    above.legend(loc="upper left")
    above.grid(alpha=0.3)
    below.bar(edges[:-1], counts, width=1 / BINS, align="edge", edgecolor="white")
    below.set(xlabel="P(fake)", ylabel="crops")
    return figure


def _robustness(rows: list[Row]) -> Figure:
    treated = {name: list(group) for name, group in groupby(rows, lambda row: row["treatment"])}
    untreated = treated.pop("none")[0]["value"]
    figure = Figure(figsize=(9, 5), layout="constrained")
    for axes, (name, group) in zip(
        figure.subplots(2, 3, sharey=True).flat, treated.items(), strict=True
    ):
        places = np.arange(len(group))
        values = np.array([row["value"] for row in group])
        low, high = (np.array([row[end] for row in group]) for end in ("low", "high"))
        errors = np.stack([values - low, high - values]).clip(0)
        axes.errorbar(places, values, yerr=errors, marker="o", capsize=3)
        axes.axhline(untreated, color="0.6", linestyle="--", linewidth=1)
        axes.set_xticks(places, [f"{row['level']:g}" for row in group])
        axes.set_xlabel(name)
        axes.set_ylim(0.45, 1)
        axes.grid(alpha=0.3)
    figure.supylabel("AUC (dashed: untreated)")
    return figure


def of_evidence(name: str, judged: Judged) -> dict[str, Figure]:
    """The figures of `judged`, which is called `name`, by the names of their files; none where a
    label is missing."""
    if not 0 < judged.fake.sum() < len(judged.fake):
        return {}
    return {
        f"{name}-tippett": _tippett(judged),
        f"{name}-reliability": _reliability_of_ratios(judged),
    }


def _tippett(judged: Judged) -> Figure:
    """Of both labels, the share with at least each LR: the further apart, the better. Between the
    dotted lines there is support neither way; what lies on the wrong side misleads."""
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axes = figure.subplots()
    for is_fake, name, colour in ((True, "manipulated", "C3"), (False, "genuine", "C0")):
        values = np.sort(judged.log[judged.fake == is_fake])
        misled = np.mean(values <= -NEUTRAL) if is_fake else np.mean(values >= NEUTRAL)
        ends = np.concatenate([[-TIPPETT_END], values / np.log(10), [TIPPETT_END]])
        shares = np.concatenate([[1], 1 - np.arange(len(values)) / len(values), [0]])
        label = f"{name} ({len(values)}), misleading: {misled:.0%}"
        axes.step(ends, shares, where="pre", color=colour, label=label)
    axes.axvline(0, color="0.6", linestyle="--", linewidth=1)
    for end in (-NEUTRAL, NEUTRAL):
        axes.axvline(end / np.log(10), color="0.6", linestyle=":", linewidth=1)
    ticks = [-2, -1, -np.log10(2), 0, np.log10(2), 1, 2]
    axes.set_xticks(ticks, ["1/100", "1/10", "1/2", "1", "2", "10", "100"])
    axes.set(xlabel="likelihood ratio (genuine to the left, manipulated to the right)")
    axes.set(ylabel="share with at least this", xlim=(-TIPPETT_END, TIPPETT_END), ylim=(0, 1.02))
    axes.set_title(
        f"Cllr {cllr(judged.fake, judged.log):.2f}, "
        f"at best {cllr_min(judged.fake, judged.log):.2f}",
        fontsize=9,
    )
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9, frameon=False)
    return figure


def _reliability_of_ratios(judged: Judged) -> Figure:
    """What P(fake) the LRs stand for at equal numbers of both, against what is found."""
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    fake = judged.fake
    weights = np.where(fake, 1 / fake.sum(), 1 / (~fake).sum())
    stated = sigmoid(judged.log)
    edges = np.quantile(stated, np.linspace(0, 1, LR_BINS + 1)[1:-1])
    bins = np.searchsorted(edges, stated, side="right")
    total = np.bincount(bins, weights, LR_BINS)
    filled = total > 0
    means = [
        np.bincount(bins, weights * each, LR_BINS)[filled] / total[filled]
        for each in (stated, fake)
    ]
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
    axes.plot(*means, marker="o", label="measured")
    axes.set(xlabel="P(fake) of as many fakes as reals", ylabel="share that is fake")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")
    axes.grid(alpha=0.3)
    return figure
