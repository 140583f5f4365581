"""Everything that is measured of one model on one set, and how it is written down."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.dataset import VIDEOS, files, some
from training.data import crops
from training.data.prepare import prepare
from training.data.sources import digest, short
from training.data.tables import write as write_table
from training.evaluate import breakdown, robustness
from training.evaluate.likelihood import measures, treated
from training.evaluate.model import Model
from training.evaluate.scored import Evaluator, Row, Scored, scored

logger = logging.getLogger(__name__)

TREATED = "robustness"
COMPRESSED = ("treated_evidence", "treated_video_evidence")
EVALUATORS: dict[str, tuple[str, Evaluator]] = {
    "crops": ("Single crops", breakdown.crops),
    "evidence": ("Likelihood ratios of people, one picture each", measures.people),
    "video_evidence": ("Likelihood ratios of videos", measures.videos),
    "evidence_kinds": ("Likelihood ratios of people, by kind of fake", measures.people_kinds),
    "video_evidence_kinds": ("Likelihood ratios of videos, by kind of fake", measures.video_kinds),
    COMPRESSED[0]: ("Likelihood ratios by compression, single pictures", treated.people),
    COMPRESSED[1]: ("Likelihood ratios by compression, videos", treated.clips),
    "videos": ("Videos, by the service's own rules", breakdown.videos),
    "methods": ("By method, single crops", breakdown.methods),
    "video_methods": ("By method, videos", breakdown.video_methods),
    "sizes": ("By size of the face", breakdown.sizes),
    "people": ("Reals that are called fake, by group", breakdown.people),
    TREATED: ("AUC after treatment", robustness.rows),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """All of one model on one set: what was scored, and tables by the names of EVALUATORS."""

    data: str
    scored: Scored
    tables: dict[str, list[Row]]

    @property
    def model(self) -> str:
        return self.scored.model.name


def read(source: Path, cache: Path) -> crops.Crops:
    """The crops of a tar, of a folder of pictures, of a prepared folder; or of videos.

    Faces are cut out of videos once, without loss, and kept in a folder of `cache` for each path. A
    warning tells of clips that gave none.
    """
    if source.is_dir() and not crops.is_prepared(source) and _holds_videos(source):
        whole = source.resolve()
        name = f"{whole.parent.name}-{whole.name}"
        folder = cache / f"{short(name, name)}-{digest(str(whole))}"
        skipped = prepare([source], folder, lossless=True).skipped
        told = [f"{name} ({why})" for name, why in skipped.items()]
        if told:
            logger.warning("%s: %d clips gave no crops: %s", source, len(told), some(told))
        source = folder
    return crops.read(source)


def _holds_videos(folder: Path) -> bool:
    return any(file.suffix in VIDEOS for file in files(folder))


def measure(
    model: Model, name: str, chosen: crops.Crops, robustness: bool, compressed: bool = False
) -> Measured:
    """All tables that `chosen`, called `name`, allows. What takes long only where it is asked for:
    the AUC after each treatment (`robustness`), verdicts by compression (`compressed`)."""
    given = scored(model, chosen)
    wanted = dict.fromkeys(COMPRESSED, compressed) | {TREATED: robustness}
    asked = {title: rows for title, (_, rows) in EVALUATORS.items() if wanted.get(title, True)}
    tables = {title: found for title, rows in asked.items() if (found := rows(given))}
    return Measured(name, given, tables)


def to_json(measured: Measured) -> dict[str, Any]:
    """The tables as plain values, NaN as null."""

    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and not np.isfinite(value) else value

    tables = {
        title: [{key: plain(value) for key, value in row.items()} for row in rows]
        for title, rows in measured.tables.items()
    }
    return {"model": measured.model, "data": measured.data, **tables}


def markdown(measured: Measured) -> str:
    """The tables for a person to read."""
    lines = [f"# {measured.model} on {measured.data}", ""]
    command = f"python -m training evaluate {measured.model} .../{measured.data} --out FOLDER"
    command += " --robustness" * (TREATED in measured.tables)
    command += " --compressed" * (not measured.tables.keys().isdisjoint(COMPRESSED))
    lines += [f"Written by `{command}`.", "Intervals are 95 % bootstrap intervals over people.", ""]
    for title, rows in measured.tables.items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        lines += [f"## {EVALUATORS[title][0]}", "", f"| {' | '.join(columns)} |"]
        lines += ["|" + "---|" * len(columns)]
        lines += [f"| {' | '.join(_cell(row.get(c, '')) for c in columns)} |" for row in rows]
        lines += [""]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def write(measured: Measured, folder: Path) -> list[Path]:
    """evaluation.json, evaluation.md, a CSV file for each table, and the plots, into `folder`."""
    from training.evaluate import plots

    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "evaluation.json", folder / "evaluation.md"]
    written[0].write_text(json.dumps(to_json(measured), indent=1) + "\n", encoding="utf-8")
    written[1].write_text(markdown(measured), encoding="utf-8")
    for title, rows in measured.tables.items():
        written.append(folder / f"{title}.csv")
        write_table(written[-1], rows, dict.fromkeys(key for row in rows for key in row))
    about = f"{measured.model} on {measured.data}"
    return written + plots.draw(measured.scored, measured.tables.get(TREATED, []), about, folder)
