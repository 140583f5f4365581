"""Two pictures of likelihood ratios: how they are spread (Tippett), and whether they hold."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from server.analysis.scoring import sigmoid
from training.evaluate.likelihood.measures import Judged, cllr, cllr_min

BINS = 8


def draw(judged: Judged) -> dict[str, Figure]:
    """The figures of `judged` by the names of their files; none where a label is missing."""
    if not 0 < judged.fake.sum() < len(judged.fake):
        return {}
    return {
        f"{judged.title}-tippett": _tippett(judged),
        f"{judged.title}-reliability": _reliability(judged),
    }


def _tippett(judged: Judged) -> Figure:
    """Of both labels, the share with at least each LR: the further apart, the better."""
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axes = figure.subplots()
    for is_fake, name, colour in ((True, "manipulated", "C3"), (False, "genuine", "C0")):
        values = np.sort(judged.log[judged.fake == is_fake] / np.log(10))
        shares = 1 - np.arange(len(values)) / len(values)
        axes.step(values, shares, where="pre", color=colour, label=f"{name} ({len(values)})")
    axes.axvline(0, color="0.6", linestyle="--", linewidth=1)
    ticks = [-2, -1, -np.log10(2), 0, np.log10(2), 1, 2]
    axes.set_xticks(ticks, ["1/100", "1/10", "1/2", "1", "2", "10", "100"])
    axes.set(xlabel="likelihood ratio", ylabel="share with at least this", ylim=(0, 1))
    axes.set_title(
        f"Cllr {cllr(judged.fake, judged.log):.2f}, "
        f"at best {cllr_min(judged.fake, judged.log):.2f}",
        fontsize=9,
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    return figure


def _reliability(judged: Judged) -> Figure:
    """What P(fake) the LRs stand for at equal numbers of both, against what is found."""
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    fake = judged.fake
    weights = np.where(fake, 1 / fake.sum(), 1 / (~fake).sum())
    stated = sigmoid(judged.log)
    edges = np.quantile(stated, np.linspace(0, 1, BINS + 1)[1:-1])
    bins = np.searchsorted(edges, stated, side="right")
    total = np.bincount(bins, weights, BINS)
    filled = total > 0
    means = [
        np.bincount(bins, weights * each, BINS)[filled] / total[filled] for each in (stated, fake)
    ]
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
    axes.plot(*means, marker="o", label="measured")
    axes.set(xlabel="P(fake) of as many fakes as reals", ylabel="share that is fake")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")
    axes.grid(alpha=0.3)
    return figure
