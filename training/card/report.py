"""Measure a registered model on every part, into results/NAME.json, and write its card.

The card: the words of a template around what the registry and results/ hold.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from convert import tflite
from convert.network import load as load_network
from models import meso, registry
from server.analysis.runtimes.tflite import TfliteRuntime
from training.card import export
from training.data import crops as data
from training.evaluate import across
from training.evaluate.breakdown import evaluate
from training.evaluate.model import load, logits
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
OTHER_PARTS = {
    **PARTS,
    "val": "val, used to choose thresholds and calibration",
    "test": "test, used here for nothing but this line",
}
FAIRFACE = "fairface-adult-val.tar"
ROUNDS = 300
WARM_UP = 20


def report(name: str, data_folder: Path) -> Path:
    """Measure the registered model `name` on every part and write its card; returns its path."""
    spec = registry.spec(name)
    check_calibrated(spec)
    val_set, served = data.part(data_folder, "val"), load(name)
    parts = {
        part: asdict(evaluate(served, crops))
        for part, crops in _crops(data_folder, val_set).items()
    }
    reference = logits(load(f"{name}:keras"), val_set)
    files = {variant: spec.file(variant) for variant in spec.files}
    measured = {
        "data": data.set_name(data_folder),
        "parts": parts,
        "variants": export.measure(files, reference, val_set, served.positive_class),
        "milliseconds": _beside_others(spec),
        "parameters": load_network(spec.file("keras")).count_params(),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    registry.update(name, rates=rates(parts, measured["data"]))
    spec.card.write_text(render(name), encoding="utf-8")
    return spec.card


def _crops(data_folder: Path, val_set: data.Crops) -> dict[str, data.Crops]:
    """The parts that are there, by the names of PARTS."""
    found = {"val": val_set}
    with suppress(FileNotFoundError):
        found["test"] = data.part(data_folder, "test")
    if (data_folder / FAIRFACE).is_file():
        found["fairface"] = data.read(data_folder / FAIRFACE)
    return {part: crops for part, crops in found.items() if len(crops)}


def rates(parts: dict[str, Any], source: str = data.DFDC) -> dict[str, Any] | None:
    """registry.Rates from the measurements of the test part; None without both classes there."""
    values = parts.get("test", {}).get("values", {})
    if not values.keys() >= {"fakes_called_fake", "reals_called_fake"}:
        return None
    return {
        "flags_fake": round(values["fakes_called_fake"], 3),
        "flags_real": round(values["reals_called_fake"], 3),
        "part": f"{source} test, single crops",
    }


def _beside_others(spec: registry.ModelSpec) -> dict[str, float]:
    """Each variant of the model beside Meso-4 and MesoInception-4 in float32."""
    files = {
        f"{spec.name} {variant}": (spec.file(variant), spec.input_px)
        for variant in spec.files
        if variant != "keras"
    }
    others = {
        "meso4 float32, batch norm folded": meso.folded_meso4(meso.meso4()),
        "mesoinception4 float32": meso.mesoinception4(),
    }
    with TemporaryDirectory() as folder:
        for name, model in others.items():
            path = Path(folder) / f"{model.name}.tflite"
            path.write_bytes(tflite.export(model, "float32"))
            files[name] = (path, model.input_shape[1])
        return {name: round(ms, 2) for name, ms in milliseconds(files).items()}


def milliseconds(files: Mapping[str, tuple[Path, int]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median CPU time of one face, in ms, by name; `files` gives each path and its input side.

    One crop a call, one thread. CPU time of this thread, and all models in turn within each round,
    so that what else the machine does weighs on all alike.
    """
    rng = np.random.default_rng(0)
    runtimes = {name: TfliteRuntime(path, threads=1) for name, (path, _) in files.items()}
    crops = {
        name: rng.uniform(-1, 1, (1, side, side, 3)).astype(np.float32)
        for name, (_, side) in files.items()
    }
    spent: dict[str, list[float]] = {name: [] for name in files}
    for round_ in range(WARM_UP + rounds):
        for name, runtime in runtimes.items():
            before = time.thread_time()
            runtime.run(crops[name])
            if round_ >= WARM_UP:
                spent[name].append((time.thread_time() - before) * 1e3)
    return {name: float(np.median(values)) for name, values in spent.items()}


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
        "percent_1": "{:.1%}".format,
        "interval": lambda bounds: "{:.3f} to {:.3f}".format(*bounds),
    }
    return environment.get_template(OURS if is_ours else OTHERS).render(facts)


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
        "milliseconds": measured["milliseconds"],
    }


def _part(name: str, measured: dict[str, Any], title: str) -> dict[str, Any]:
    result = measured["parts"][name]
    if name in ("val", "test"):
        title = f"{measured.get('data', data.DFDC)} {title}"
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


def _evaluation(name: str, data: str) -> dict[str, Any]:
    """What `training evaluate` wrote."""
    path = RESULTS / name / data / "evaluation.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _by_measure(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["measure"]: row for row in rows}
