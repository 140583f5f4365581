"""The model card, written by the evaluation: measure into results/NAME.json, then fill the text."""

from __future__ import annotations

import json
import re
import textwrap
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from convert import classifier, tflite
from models import meso, registry
from training import crops as data
from training import evaluate, export, maps, mask_head, speed
from training.likelihood.words import said as likelihood_words

PUBLISHED = {"meso4": "Meso-4", "mesoinception4": "MesoInception-4"}  # trained by our recipe

HERE = Path(__file__).parent
RESULTS = HERE / "results"
# The words around the numbers: of our networks, whose data we know, and of all others.
TEXT, OTHER_TEXT = HERE / "card.md", HERE / "other_card.md"
ONLY = re.compile(r"<!-- only (\S+) -->\n(.*?)<!-- end -->\n", re.DOTALL)  # of one model's card
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


def report(name: str, data_folder: Path) -> Path:
    """Measure the registered model `name` on every part and write its card; returns its path."""
    spec = registry.spec(name)
    _check_calibrated(spec)
    val_set, served = data.part(data_folder, "val"), evaluate.load(name)
    parts = {
        part: asdict(evaluate.evaluate(served, crops))
        for part, crops in _crops(data_folder, val_set).items()
    }
    network = evaluate.load(f"{name}:keras")
    reference = evaluate.logits(network, val_set)
    files = {variant: spec.file(variant) for variant in spec.files}
    measured = {
        "data": export.data_name(data_folder),
        "parts": parts,
        "variants": export.measure(files, reference, val_set, served.positive_class),
        "milliseconds": _speed(spec),
        "parameters": classifier.load(spec.file("keras")).count_params(),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(measured, indent=1) + "\n")
    registry.update(name, rates=rates(parts, measured["data"]))
    spec.card.write_text(card(name), encoding="utf-8")
    return spec.card


def _crops(data_folder: Path, val_set: data.Crops) -> dict[str, data.Crops]:
    """The parts that are there, by the names of PARTS."""
    found = {"val": val_set}
    with suppress(FileNotFoundError):
        found["test"] = data.part(data_folder, "test")
    if (data_folder / FAIRFACE).is_file():
        found["fairface"] = data.read(data_folder / FAIRFACE)
    return {part: crops for part, crops in found.items() if len(crops)}


def _check_calibrated(spec: registry.ModelSpec) -> None:
    if spec.calibration is None:
        raise ValueError(f"{spec.name} is not calibrated: python -m training calibrate {spec.name}")


def rates(parts: dict[str, Any], source: str = export.DFDC) -> dict[str, Any] | None:
    """registry.Rates from the measurements of the test part; None without both classes there."""
    values = parts.get("test", {}).get("values", {})
    if not values.keys() >= {"fakes_called_fake", "reals_called_fake"}:
        return None
    return {
        "flags_fake": round(values["fakes_called_fake"], 3),
        "flags_real": round(values["reals_called_fake"], 3),
        "part": f"{source} test, single crops",
    }


def card(name: str) -> str:
    """The card's text, from the registry and results/NAME.json alone."""
    spec = registry.spec(name)
    measured = json.loads((RESULTS / f"{name}.json").read_text())
    _check_calibrated(spec)
    is_ours = name in export.SOURCES and not spec.foreign
    fields = _facts(spec, measured, PARTS if is_ours else OTHER_PARTS)
    if is_ours:
        fields |= _comparisons(spec, measured)
    text = ONLY.sub(
        lambda part: part[2] if part[1] == name else "",
        (TEXT if is_ours else OTHER_TEXT).read_text(),
    )
    for field, value in fields.items():
        text = text.replace("{" + field + "}", str(value))
    return text


def _facts(
    spec: registry.ModelSpec, measured: dict[str, Any], titles: dict[str, str]
) -> dict[str, Any]:
    """What is known of every model, by the names that the card's text has for it."""
    return {
        **asdict(spec.calibration),
        "name": spec.name,
        "parameters": measured["parameters"],
        "input_px": spec.input_px,
        "positive_class": spec.positive_class,
        "fake_logit": "-logit" if spec.positive_class == "real" else "logit",
        "serve": spec.serve,
        "file": spec.files[spec.serve].path.name,
        "sha256": spec.files[spec.serve].sha256,
        "licence": spec.licence,
        "source": spec.source,
        "variants": _variants(measured),
        "parts": _parts(measured, titles),
        "likelihood": likelihood_words(spec),
        "speed": _milliseconds(measured["milliseconds"]),
    }


def _comparisons(spec: registry.ModelSpec, measured: dict[str, Any]) -> dict[str, Any]:
    """What was measured of our own networks alone."""
    return {
        "published": _published(spec.name, measured["parts"]),
        "faceforensics": _faceforensics(spec.name),
        "evidence": _evidence(spec),
    }


def _speed(spec: registry.ModelSpec) -> dict[str, float]:
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
        return {name: round(ms, 2) for name, ms in speed.milliseconds(files).items()}


def _parts(measured: dict[str, Any], titles: dict[str, str]) -> str:
    """A table for each part: every number with its interval."""
    lines = []
    source = measured.get("data", export.DFDC)
    for part, result in measured["parts"].items():
        is_split = part in ("val", "test")
        title = f"{source} {titles[part]}" if is_split else titles[part]
        people = f" of {result['identities']} people" if is_split else ""
        lines += [f"### {title}: {result['crops']} crops{people}", ""]
        lines += ["| measure | value | 95 % interval |", "|---|---|---|"]
        for metric, value in result["values"].items():
            low, high = result["intervals"][metric]
            lines.append(f"| {metric.replace('_', ' ')} | {value:.3f} | {low:.3f} to {high:.3f} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def _published(name: str, parts: dict[str, Any]) -> str:
    """The model beside those of others on the test part, from what `training evaluate` wrote."""
    lines = ["| network | test AUC | 95 % interval |", "|---|---|---|"]
    low, high = parts["test"]["intervals"]["auc"]
    lines.append(f"| {name} | {parts['test']['values']['auc']:.3f} | {low:.3f} to {high:.3f} |")
    for other, called in PUBLISHED.items():
        path = RESULTS / other / "dfdc224-test" / "evaluation.json"
        crops = {row["measure"]: row for row in json.loads(path.read_text())["crops"]}
        auc = crops["auc"]
        lines.append(f"| {called} | {auc['value']:.3f} | {auc['low']:.3f} to {auc['high']:.3f} |")
    return "\n".join(lines)


def _faceforensics(name: str) -> str:
    """Whole videos, from what `training evaluate` wrote of them."""
    path = RESULTS / name / "faceforensics" / "evaluation.json"
    found = json.loads(path.read_text())
    values = {row["measure"]: row for row in found["videos"]}
    lines = ["| measure | value | 95 % interval |", "|---|---|---|"]
    for row in (values["auc"], *found["video_methods"]):
        what = f"auc, {row['method']} ({row['fakes']} fakes)" if "method" in row else "auc, all"
        lines.append(f"| {what} | {row['value']:.3f} | {row['low']:.3f} to {row['high']:.3f} |")
    for measure, row in values.items():
        if "_called_" in measure:
            lines.append(f"| {measure.replace('_', ' ')} | {row['value']:.3f} | |")
    return "\n".join(lines)


def _variants(measured: dict[str, Any]) -> str:
    lines = ["| file | val AUC | same label | P(fake) off by | kB |", "|---|---|---|---|---|"]
    for variant, facts in measured["variants"].items():
        same, off = f"{facts['labels_equal']:.1%}", f"{facts['largest_difference']:.2g}"
        size = round(facts["bytes"] / 1000)
        lines.append(f"| {variant} | {facts['auc']:.4f} | {same} | {off} | {size} |")
    return "\n".join(lines)


def _evidence(spec: registry.ModelSpec) -> str:
    """The tests of the maps that were tried, and what follows from them."""
    lines = [
        "| map, part | measure | map | baseline | difference, 95 % | pictures, people |",
        "|---|---|---|---|---|---|",
    ]
    for (which, part), rows in maps.read().items():
        for row in rows:
            interval = f"{row.difference:+.3f}, {row.low:+.3f} to {row.high:+.3f}"
            lines.append(
                f"| {which}, {part} | {row.measure} | {row.map:.3f} | {row.baseline:.3f} "
                f"| {interval} | {row.pictures}, {row.people} |"
            )
    if spec.evidence is None or not spec.evidence.shown:
        return "\n".join([*lines, "", "No map is shown, and `regions` in the answer is null."])
    said = (
        f"The mask head does both. It passes and is shown: places from {spec.evidence.threshold} "
        f"up are marked; on self-blends of val {mask_head.PRECISION:.0%} of the marks are foreign."
    )
    return "\n".join([*lines, "", *textwrap.wrap(said, 100)])


def _milliseconds(measured: dict[str, float]) -> str:
    rows = [f"| {name} | {ms:.2f} |" for name, ms in measured.items()]
    return "\n".join(["| network | ms a face |", "|---|---|", *rows])
