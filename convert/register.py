"""A converted model for use: a sidecar for other programs, and an entry in our own registry."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from convert.errors import ConversionError
from convert.verify import Report
from models import registry


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of a model besides its weights."""

    name: str
    precision: str
    input_px: int
    positive_class: Literal["fake", "real"]
    source: str
    licence: str


def sidecar(file: Path, source: Source) -> Path:
    """Write FILE.json beside FILE: all that a program on a phone needs to know of it."""
    other = "real" if source.positive_class == "fake" else "fake"
    facts = {
        "file": file.name,
        "sha256": _sha256(file),
        "input": {
            "shape": [1, source.input_px, source.input_px, 3],
            "dtype": "float32",
            "colour": "RGB",
            "normalisation": {"mean": 127.5, "std": 127.5},
            "crop": "a square around eyes and mouth, upright, its side 1.66 times the hypotenuse "
            "of the distance between the eyes and that from eyes to mouth",
        },
        "output": {"shape": [1, 1], "dtype": "float32", "kind": "logit", "activation": "sigmoid"},
        "labels": {"sigmoid(output)": source.positive_class, "1 - sigmoid(output)": other},
    }
    path = file.with_name(f"{file.name}.json")
    path.write_text(json.dumps(facts, indent=2) + "\n")
    return path


def check_name(name: str) -> None:
    """Raise ConversionError for a name that cannot be registered, or is another model's."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,63}", name):
        raise ConversionError(f"{name!r} is no name; use a-z, 0-9, dots and dashes")
    if name in registry.names():
        spec = registry.spec(name)
        if spec.task != "classify" or spec.calibration:
            raise ConversionError(f"{name} is one of our own models; choose another name")


def register(file: Path, model: Any, source: Source, report: Report) -> Path:
    """Copy `file` into models/weights and describe it there and in models/cards.

    `MESOSCOPE_MODEL=NAME` serves it from then on; on a GPU `model`, which it was made from, in our
    form (convert.network.as_classifier). Returns the entry's path.
    """
    check_name(source.name)
    kept = registry.WEIGHTS / f"{source.name}-{source.precision}.tflite"
    shutil.copyfile(file, kept)
    full = registry.WEIGHTS / f"{source.name}.keras"
    model.save(full)
    entry: dict[str, Any] = {
        "name": source.name,
        "task": "classify",
        "files": {
            source.precision: {
                "file": kept.name,
                "sha256": _sha256(kept),
                "precision": source.precision,
            },
            "keras": {"file": full.name, "sha256": _sha256(full), "precision": "keras"},
        },
        "serve": source.precision,
        "input_px": source.input_px,
        "positive_class": source.positive_class,
        "calibration": None,
        "rates": None,
        "licence": source.licence,
        "source": source.source,
    }
    path = registry.WEIGHTS / f"{source.name}.json"
    path.write_text(json.dumps(entry, indent=2, ensure_ascii=False) + "\n")
    card = registry.WEIGHTS.parent / "cards" / f"{source.name}.md"
    card.write_text(_card(source, report, kept))
    return path


def _card(source: Source, report: Report, file: Path) -> str:
    auc = f", change of AUC {report.auc_change[0]:+.4f}" if report.auc_change else ""
    return f"""# {source.name}

Converted from {source.source}. Licence: {source.licence}.

| | |
|---|---|
| Input | float32 [N, {source.input_px}, {source.input_px}, 3] in -1..1 |
| Output | one logit for the class "{source.positive_class}" |
| Served file | `{file.name}`, SHA-256 `{_sha256(file)}` |
| Against its source | on {report.crops} crops P differs by at most {report.max_dp:.1e}, \
labels equal on {report.labels_equal:.1%}{auc} |

Nothing was measured of how well it tells fake from real, and its probabilities are not calibrated:
verdicts use the thresholds 0.9 and 0.1. `python -m training evaluate {source.name} DATA` measures
it, `python -m training calibrate {source.name}` sets thresholds.
"""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
