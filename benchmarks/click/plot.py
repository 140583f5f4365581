"""The plot of a click: for each case a bar until the first boxes, and one until the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.click.stages import STAGES


def plot(bars: Sequence[tuple[str, Mapping[str, float]]], path: Path) -> None:
    """`bars`: seconds by stage under a name, the first at the top."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.35 * len(bars)), layout="constrained")
    colours = pyplot.get_cmap("tab20").colors
    left = [0.0] * len(bars)
    for stage, colour in zip(STAGES, colours, strict=False):
        widths = [spent.get(stage, 0.0) for _, spent in bars]
        if any(widths):
            axes.barh(range(len(bars)), widths, left=left, color=colour, label=stage)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(bars)), [name for name, _ in bars])
    axes.invert_yaxis()
    axes.set_xlabel("seconds from the click")
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, bbox_to_anchor=(1, 1), loc="upper left")
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
