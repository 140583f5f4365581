"""The model card's text: the words of a template around what the registry and results/ hold."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models import registry
from training.card import export
from training.data.crops import DFDC
from training.evaluate import across
from training.evidence import maps

RESULTS = Path(__file__).resolve().parents[1] / "results"
# Of our networks, whose data we know, and of all others.
OURS, OTHERS = "card.md.j2", "other.md.j2"
PUBLISHED = {"meso4": "Meso-4", "mesoinception4": "MesoInception-4"}  # trained by our recipe
PARTS = {
    "val": "val, used to choose the network, thresholds and calibration",
    "test": "test, used for nothing but this line",
    "fairface": "FairFace val, photos of adults, reals only",
}
# Verdicts by compression: the folder of results/NAME, and the table there.
COMPRESSED = {
    "DFDC test, single pictures": ("dfdc224-test", "treated_evidence"),
    "FaceForensics c40, videos": ("faceforensics", "treated_video_evidence"),
}
OTHER_PARTS = {
    **PARTS,
    "val": "val, used to choose thresholds and calibration",
    "test": "test, used here for nothing but this line",
}


def render(name: str) -> str:
    """The card of a calibrated model, from the registry and results/ alone."""
    spec = registry.spec(name)
    check_calibrated(spec)
    measured = read(name)
    is_ours = name in export.SOURCES and not spec.foreign
    facts = _facts(spec, measured, PARTS if is_ours else OTHER_PARTS)
    if is_ours:
        facts |= _comparisons(spec, measured)
    folder = FileSystemLoader(Path(__file__).parent, encoding="utf-8")
    environment = Environment(
        loader=folder,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "digits": "{:.3f}".format,
        "signed": "{:+.3f}".format,
        "short": "{:g}".format,
        "ratio": lambda log: f"{math.exp(log):.2g}",
        "percent": "{:.0%}".format,
        "share": _share,
        "cost": lambda value: "-" if value in ("", None) else f"{value:.2f}",
        "flagged": _flagged,
        "percent_1": "{:.1%}".format,
        "interval": lambda bounds: "{:.3f} to {:.3f}".format(*bounds),
    }
    return environment.get_template(OURS if is_ours else OTHERS).render(facts)


def _share(value: Any) -> str:
    return "-" if value in ("", None) else f"{value:.0%}"


def _flagged(row: dict[str, Any], who: str) -> str:
    """The share of `who` that is called fake, and that is called fake or suspicious."""
    fake, suspicious = (row.get(f"{who}_called_{level}") for level in ("fake", "suspicious"))
    return "-" if fake is None else f"{fake:.0%}, {fake + (suspicious or 0):.0%}"


def check_calibrated(spec: registry.ModelSpec) -> None:
    """Raise ValueError, with the command that mends it, if `spec` has no calibration."""
    if spec.calibration is None:
        raise ValueError(f"{spec.name} is not calibrated: python -m training calibrate {spec.name}")


def read(name: str) -> dict[str, Any]:
    """What `training report` measured of the model."""
    measured: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return measured


def _facts(
    spec: registry.ModelSpec, measured: dict[str, Any], titles: dict[str, str]
) -> dict[str, Any]:
    """What is known of every model, by the names that the templates have for it."""
    served = spec.files[spec.serve]
    return {
        **asdict(spec)["calibration"],
        "name": spec.name,
        "parameters": measured["parameters"],
        "input_px": spec.input_px,
        "positive_class": spec.positive_class,
        "fake_logit": "-logit" if spec.positive_class == "real" else "logit",
        "serve": spec.serve,
        "file": served.path.name,
        "sha256": served.sha256,
        "licence": spec.licence,
        "source": spec.source,
        "variants": measured["variants"],
        "parts": [_part(name, measured, titles[name]) for name in measured["parts"]],
        "likelihood": spec.likelihood,
        "compressed": _compressed(spec.name),
        "milliseconds": measured["milliseconds"],
    }


def _part(name: str, measured: dict[str, Any], title: str) -> dict[str, Any]:
    result = measured["parts"][name]
    if name in ("val", "test"):
        title = f"{measured.get('data', DFDC)} {title}"
        title = f"{title}: {result['crops']} crops of {result['identities']} people"
    else:
        title = f"{title}: {result['crops']} crops"
    return {"title": title, "values": result["values"], "intervals": result["intervals"]}


def _comparisons(spec: registry.ModelSpec, measured: dict[str, Any]) -> dict[str, Any]:
    """What was measured of our own networks alone."""
    videos = _evaluation(spec.name, "faceforensics")
    return {
        "published": _published(spec.name, measured["parts"]["test"]),
        "videos": _by_measure(videos["videos"]),
        "video_methods": videos["video_methods"],
        "maps": maps.read(spec.name) if spec.evidence else {},
        "evidence": spec.evidence,
        "precision": maps.LEAST_FOREIGN,
        "across": across.read(across.mirrored_name(spec.name)),
    }


def _published(name: str, test: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The AUC on the test part of the model, and of those of others."""
    low, high = test["intervals"]["auc"]
    rows = {name: {"value": test["values"]["auc"], "low": low, "high": high}}
    for other, called in PUBLISHED.items():
        rows[called] = _by_measure(_evaluation(other, "dfdc224-test")["crops"])["auc"]
    return rows


def _compressed(name: str) -> dict[str, list[dict[str, Any]]]:
    """Verdicts by compression, by what they are of; those that `training evaluate --compressed`
    wrote."""
    found = {}
    for title, (data, table) in COMPRESSED.items():
        if (RESULTS / name / data / "evaluation.json").is_file():
            found[title] = _evaluation(name, data).get(table, [])
    return {title: rows for title, rows in found.items() if rows}


def _evaluation(name: str, data: str) -> dict[str, Any]:
    """What `training evaluate` wrote."""
    path = RESULTS / name / data / "evaluation.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _by_measure(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["measure"]: row for row in rows}
