"""What the rule of server/analysis/stability.py costs: right labels that it takes away."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from server.analysis.scoring import Scorer
from server.analysis.stability import is_stable
from training.data import crops as data

RESULTS = Path(__file__).parent / "results" / "stability.csv"
BEST = np.ones(1, np.float32)


def measure(name: str, crops: data.Crops) -> list[dict[str, float | int | str]]:
    """For fakes called fake and reals called real, and for those called wrongly: how many there
    are, and of how many the label is taken away. Single crops."""
    scorer = Scorer(name)
    counts = {(fake, right): [0, 0] for fake in (True, False) for right in (True, False)}
    for image, fake in zip(crops.images, crops.fake.tolist(), strict=True):
        crop = data.decode(image)[None]
        p_fake = scorer.p_fake(crop)
        called_fake = bool(p_fake[0] >= scorer.calibration.fake_at)
        if called_fake or p_fake[0] <= scorer.calibration.real_at:
            count = counts[fake, fake == called_fake]
            count[0] += 1
            count[1] += not is_stable(crop, p_fake, BEST, called_fake, scorer.p_fake)
    return [
        {
            "model": name,
            "are": "fake" if fake else "real",
            "called": "fake" if fake == right else "real",
            "crops": called,
            "unstable": lost,
            "share": round(lost / max(1, called), 4),
        }
        for (fake, right), (called, lost) in counts.items()
    ]


def report(name: str, data_folder: Path) -> str:
    """Measure on the val part and write results/stability.csv; returns it."""
    rows = measure(name, data.read(data_folder / "dfdc224-val.tar"))
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return RESULTS.read_text()
