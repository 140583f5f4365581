"""A converted model in our own registry, so that it can be served by its name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from convert.errors import ConversionError
from convert.sidecar import Source
from convert.verify import Report
from models import registry


def check_name(name: str) -> None:
    """Raise ConversionError for a name that cannot be registered, or is a model's of the project.

    A model that was registered so before is replaced.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,63}", name):
        raise ConversionError(f"{name!r} is no name; use a-z, 0-9, dots and dashes")
    if name in registry.names() and not registry.spec(name).foreign:
        raise ConversionError(f"{name} is one of our own models; choose another name")


def files(name: str, precision: str) -> list[Path]:
    """What register() writes: the TFLite file, the Keras file, the entry and the card."""
    folder = registry.WEIGHTS
    kept = [folder / f"{name}-{precision}.tflite", folder / f"{name}.keras"]
    return [*kept, registry.entry_path(name), registry.card_path(name)]


def register(file: Path, model: Any, source: Source, report: Report) -> bool:
    """Copy `file` into models/weights and describe it there and in models/cards.

    `MESOSCOPE_MODEL=NAME` serves it from then on; on a GPU `model`, which it was made from, in our
    form (convert.network.Classifier). False if the same was registered before: it stays then, with
    what was measured of it.
    """
    check_name(source.name)
    kept, full, path, card = files(source.name, source.precision)
    before = registry.read(source.name) if path.is_file() else {}
    if before.get("made_from") == _made_from(source) and _is_whole(source.name):
        return False
    shutil.copyfile(file, kept)
    model.save(full)
    registry.save(_entry(kept, full, source))
    for old in before.get("files", {}).values():
        if old["file"] not in (kept.name, full.name):
            (registry.WEIGHTS / old["file"]).unlink(missing_ok=True)
    card.write_text(_card(source, report, kept), encoding="utf-8", errors="backslashreplace")
    return True


def _is_whole(name: str) -> bool:
    try:
        return all(registry.spec(name).file(variant) for variant in registry.spec(name).files)
    except registry.RegistryError:
        return False


def _made_from(source: Source) -> dict[str, Any]:
    """What makes two conversions the same one."""
    names = ("source_sha256", "precision", "input_px", "input_range", "positive_class")
    return {name: getattr(source, name) for name in names}


def _entry(kept: Path, full: Path, source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "task": "classify",
        "files": {
            source.precision: registry.file_entry(kept, source.precision),
            "keras": registry.file_entry(full, "keras"),
        },
        "serve": source.precision,
        "input_px": source.input_px,
        "positive_class": source.positive_class,
        "calibration": None,
        "rates": None,
        "licence": source.licence,
        "source": source.source,
        "foreign": True,
        "made_from": _made_from(source),
    }


def _card(source: Source, report: Report, file: Path) -> str:
    auc = f", change of AUC {report.auc_change[0]:+.4f}" if report.auc_change else ""
    return f"""# {source.name}

Converted from `{source.source}`. Licence: {source.licence}.

| | |
|---|---|
| Input | float32 [N, {source.input_px}, {source.input_px}, 3] in -1..1 |
| Output | one logit for the class "{source.positive_class}" |
| Served file | `{file.name}`, SHA-256 `{registry.file_sha256(file)}` |
| Against its source | on {report.crops} crops P differs by at most {report.max_dp:.1e}, \
labels equal on {report.labels_equal:.1%}{auc} |

What it was trained on is not known here, and how well it tells fake from real was not measured for
this card. Until `python -m training calibrate {source.name}` sets its thresholds, verdicts use 0.9
and 0.1; `python -m training report {source.name}` then measures it and writes its card anew.
"""
