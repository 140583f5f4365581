"""What is left of a model's AUC after the treatments that a picture meets on its way; and what the
rule of server/analysis/stability.py costs: right labels that it takes away."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from server.analysis.scoring import UNCALIBRATED
from server.analysis.stability import is_stable
from training import metrics
from training.data import crops as data
from training.data import tables
from training.data.codecs import TREATMENTS, Treatment
from training.evaluate.model import load, p_fake_of
from training.evaluate.scored import Row, Scored, scored

CROPS = 400  # enough for an AUC to two digits; half of them fakes
BEST = np.ones(1, np.float32)
RESULTS = Path(__file__).resolve().parents[1] / "results" / "stability.csv"


def rows(given: Scored) -> list[Row]:
    """The AUC on evenly drawn pairs of the crops, untreated and after each treatment.

    Raises ValueError where no real has a fake of its own.
    """
    pairs = given.crops.pairs()
    if not len(pairs):
        raise ValueError("robustness is measured on reals that have a fake of their own")
    drawn = np.unique(np.linspace(0, len(pairs) - 1, CROPS // 2).astype(int))
    chosen = given.crops.take(pairs[drawn].ravel())
    pictures = [data.decode(image) for image in chosen.images]
    found = []
    for name, level, treat in _treatments():
        p_fake = p_fake_of(given.model, [treat(picture) for picture in pictures])
        low, high = metrics.interval(metrics.auc, chosen.fake, p_fake, chosen.identities)
        auc = metrics.auc(chosen.fake, p_fake)
        row = {"treatment": name, "level": level, "crops": len(chosen)}
        found.append({**row, "value": auc, "low": low, "high": high})
    return found


def _treatments() -> Iterator[tuple[str, float, Treatment]]:
    yield "none", 0.0, lambda crop: crop
    for name, (treat, levels) in TREATMENTS.items():
        for level in levels:
            yield name, level, partial(treat, level)


def stability(given: Scored) -> list[Row]:
    """For fakes called fake and reals called real, and for those called wrongly: how many there
    are, and of how many the label is taken away. Single crops."""
    calibration, look = given.model.calibration or UNCALIBRATED, partial(p_fake_of, given.model)
    counts = {(fake, right): [0, 0] for fake in (True, False) for right in (True, False)}
    for n, fake in enumerate(given.crops.fake.tolist()):
        p_fake = given.p_fake[n : n + 1]
        called_fake = bool(p_fake[0] >= calibration.fake_at)
        if called_fake or p_fake[0] <= calibration.real_at:
            crop, count = (
                data.decode(given.crops.images[n])[None],
                counts[fake, fake == called_fake],
            )
            count[0] += 1
            count[1] += not is_stable(crop, p_fake, BEST, called_fake, look)
    return [
        {
            "model": given.model.name,
            "are": "fake" if fake else "real",
            "called": "fake" if fake == right else "real",
            "crops": called,
            "unstable": lost,
            "share": round(lost / max(1, called), 4),
        }
        for (fake, right), (called, lost) in counts.items()
    ]


def report_stability(name: str, data_folder: Path) -> str:
    """Measure on the val part and write results/stability.csv; returns it."""
    found = stability(scored(load(name), data.part(data_folder, "val")))
    tables.write(RESULTS, found, found[0])
    return RESULTS.read_text(encoding="utf-8")
