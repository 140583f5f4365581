"""Pictures of a measurement: ROC, reliability, robustness, and those of likelihood ratios."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from training import metrics
from training.evaluate.likelihood import figures as evidence
from training.evaluate.likelihood import measures
from training.evaluate.scored import Row, Scored

BINS = 10


def draw(given: Scored, treated: list[Row], about: str, folder: Path) -> list[Path]:
    """Write roc.png, reliability.png, those of likelihood ratios and, of the rows of robustness,
    robustness.png into `folder`, those that the set allows; `about` is their title."""
    figures: dict[str, Figure] = {}
    if given.has_both:
        figures["roc"] = _roc(given.crops.fake, given.p_fake)
        figures["reliability"] = _reliability(given.crops.fake, given.p_fake)
    for judged in filter(None, (measures.of_people(given), measures.of_videos(given))):
        figures |= evidence.draw(judged)
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
