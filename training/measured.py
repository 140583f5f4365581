"""Everything that is measured of one model on one set, and how it is written down."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.dataset import VIDEOS, files, some
from training import breakdown, crops, evaluate, robustness, videos
from training.breakdown import Row
from training.likelihood import measures
from training.prepare import prepare
from training.sources import digest, short
from training.tables import write as write_table

logger = logging.getLogger(__name__)

TITLES = {
    "crops": "Single crops",
    "evidence": "Likelihood ratios of people, one picture each",
    "video_evidence": "Likelihood ratios of videos",
    "evidence_kinds": "Likelihood ratios of people, by kind of fake",
    "video_evidence_kinds": "Likelihood ratios of videos, by kind of fake",
    "videos": "Videos, by the service's own rules",
    "methods": "By method, single crops",
    "video_methods": "By method, videos",
    "sizes": "By size of the face",
    "people": "Reals that are called fake, by group",
    "robustness": "AUC after treatment",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Tables by the names of TITLES; and what the plots need: `fake` bool [N], `p_fake` [N], and
    likelihood ratios, where the model has them."""

    model: str
    data: str
    tables: dict[str, list[Row]]
    fake: NDArray[np.bool_]
    p_fake: NDArray[np.float32]
    evidence: Sequence[measures.Judged] = ()


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


def measure(model: evaluate.Model, name: str, chosen: crops.Crops, treated: bool) -> Measured:
    """All tables that `chosen` allows; with `treated`, the AUC after each treatment too."""
    p_fake = evaluate.p_fake(model, chosen)
    result = evaluate.summarize(model, chosen, p_fake)
    tables: dict[str, list[Row]] = {"crops": _rows(result)}
    methods = chosen.columns.get("method")
    both = 0 < np.count_nonzero(chosen.fake) < len(chosen)
    clips = videos.judged(chosen, p_fake, model.calibration, model.likelihood)
    if len(clips):
        tables["videos"] = breakdown.of_videos(clips)
    if methods is not None and both:
        people = chosen.identities
        tables["methods"] = breakdown.by_method(chosen.fake, p_fake, methods, people)
    if len(clips) and both:
        about = (clips.fake, clips.p_fake, clips.methods, clips.identities)
        tables["video_methods"] = breakdown.by_method(*about)
    tables["sizes"] = breakdown.by_size(chosen, p_fake)
    if model.calibration is not None:
        tables["people"] = breakdown.by_people(chosen, p_fake, model.calibration)
    evidence = []
    if model.likelihood is not None:
        evidence = measures.judged(chosen, p_fake, clips, model.likelihood)
        tables |= {found.title: measures.rows(found) for found in evidence}
        tables |= {f"{found.title}_kinds": measures.kinds(found) for found in evidence}
    if treated:
        tables["robustness"] = robustness.measure(model, chosen)
    kept = {title: rows for title, rows in tables.items() if rows}
    return Measured(model.name, name, kept, chosen.fake, p_fake, evidence)


def _rows(result: evaluate.Result) -> list[Row]:
    counts = [
        {"measure": "crops", "value": result.crops},
        {"measure": "people", "value": result.identities},
    ]
    return counts + [
        {"measure": name, "value": value, "low": low, "high": high}
        for name, value in result.values.items()
        for low, high in [result.intervals[name]]
    ]


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
    command += " --robustness" * ("robustness" in measured.tables)
    lines += [f"Written by `{command}`.", "Intervals are 95 % bootstrap intervals over people.", ""]
    for title, rows in measured.tables.items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        lines += [f"## {TITLES[title]}", "", f"| {' | '.join(columns)} |"]
        lines += ["|" + "---|" * len(columns)]
        lines += [f"| {' | '.join(_cell(row.get(c, '')) for c in columns)} |" for row in rows]
        lines += [""]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def write(measured: Measured, folder: Path) -> list[Path]:
    """evaluation.json, evaluation.md, a CSV file for each table, and the plots, into `folder`."""
    from training import plots

    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "evaluation.json", folder / "evaluation.md"]
    written[0].write_text(json.dumps(to_json(measured), indent=1) + "\n")
    written[1].write_text(markdown(measured))
    for title, rows in measured.tables.items():
        written.append(folder / f"{title}.csv")
        write_table(written[-1], rows, dict.fromkeys(key for row in rows for key in row))
    return written + plots.draw(measured, folder)
