"""Measure a registered model on every part, into results/NAME.json, and write its card."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from convert import tflite
from convert.network import load as load_network
from models import meso, registry
from server.analysis.runtimes.tflite import TfliteRuntime
from training.card import export, text
from training.data import crops as data
from training.evaluate.breakdown import evaluate
from training.evaluate.model import load, logits

FAIRFACE = "fairface-adult-val.tar"
ROUNDS = 300
WARM_UP = 20


def report(name: str, data_folder: Path) -> Path:
    """Measure the registered model `name` on every part and write its card; returns its path."""
    spec = registry.spec(name)
    text.check_calibrated(spec)
    val_set, served = data.part(data_folder, "val"), load(name)
    parts = {
        part: asdict(evaluate(served, crops))
        for part, crops in _crops(data_folder, val_set).items()
    }
    reference = logits(load(str(spec.file("keras"))), val_set)
    files = {variant: spec.file(variant) for variant in spec.files}
    measured = {
        "data": data.set_name(data_folder),
        "parts": parts,
        "variants": export.measure(files, reference, val_set, served.positive_class),
        "milliseconds": _beside_others(spec),
        "parameters": load_network(spec.file("keras")).count_params(),
    }
    text.RESULTS.mkdir(exist_ok=True)
    path = text.RESULTS / f"{name}.json"
    path.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    registry.update(name, rates=rates(parts, measured["data"]))
    spec.card.write_text(text.render(name), encoding="utf-8")
    return spec.card


def _crops(data_folder: Path, val_set: data.Crops) -> dict[str, data.Crops]:
    """The parts that are there, by the names of text.PARTS."""
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
