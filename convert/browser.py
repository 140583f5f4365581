"""The networks as the extension runs them in the browser, each with what proves that it is the one
and computes what it should.

LiteRT.js runs fixed shapes only: R-Net and O-Net take crops by the batch, the classifier one by
one, since more at once save nothing there. The P-Net looks at pictures of any size: its file is
completed in the browser (`any_sides`), where compiling takes a millisecond, so that it answers
there what it answers here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from convert.errors import ConversionError
from convert.fixed import answer, any_sides, fixed, with_sides
from models import registry
from models.preprocess import to_input
from models.pyramid import WINDOW_PX
from server.analysis.faces import ONET_PX, RNET_PX
from server.analysis.records import Float32, Uint8
from server.analysis.scoring import UNCALIBRATED
from server.terms import AnalysisOptions

MANIFEST, PROBE = "networks.json", "probe.bin"
RNET_BATCH, ONET_BATCH = 16, 4
PROBE_BYTES = 48 * 48 * 3
# Sums in 8 bits, as in the classifier, are rounded a little differently on each processor.
TOLERANCE = 0.05


def write(folder: Path, classifier: str | None = None) -> Path:
    """Write the networks, PROBE and MANIFEST into `folder`; returns the manifest's path.

    `classifier`: a registered name; None: the one that decides in the service. Raises
    ConversionError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    probe = np.random.default_rng(0).integers(0, 256, PROBE_BYTES, np.uint8)
    (folder / PROBE).write_bytes(probe.tobytes())
    try:
        manifest = {
            "probe": {**_file(folder / PROBE), "tolerance": TOLERANCE},
            "detector": _detector(folder, probe),
            "classifier": _classifier(folder, probe, classifier or AnalysisOptions().model),
        }
    except registry.RegistryError as error:
        raise ConversionError(str(error)) from error
    path = folder / MANIFEST
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return path


def _detector(folder: Path, probe: Uint8) -> dict[str, Any]:
    spec = registry.spec("mtcnn")
    sizes = {"rnet": (RNET_BATCH, RNET_PX), "onet": (ONET_BATCH, ONET_PX)}
    found: dict[str, Any] = {"name": spec.name, "sha256": spec.sha256, "pnet": _pnet(folder, probe)}
    for name, (batch, side_px) in sizes.items():
        pixels = np.resize(probe, (batch, side_px, side_px, 3)).astype(np.float32)
        content = fixed(spec.file(name).read_bytes(), pixels.shape)
        found[name] = _network(folder / f"mtcnn-{name}-{batch}.tflite", content, pixels)
    return found


def _pnet(folder: Path, probe: Uint8) -> dict[str, Any]:
    content, places = any_sides(registry.spec("mtcnn").file("pnet").read_bytes())
    path = folder / "mtcnn-pnet.tflite"
    path.write_bytes(content)
    pixels = np.resize(probe, (1, WINDOW_PX, WINDOW_PX, 3)).astype(np.float32)
    window = with_sides(content, places, (WINDOW_PX, WINDOW_PX), (1, 1))
    return {
        **_file(path),
        "sides_at": {"input": places[0], "answer": places[1]},
        **_probed(window, pixels),
    }


def _classifier(folder: Path, probe: Uint8, name: str) -> dict[str, Any]:
    spec = registry.spec(name)
    if spec.task != "classify" or spec.positive_class is None:
        raise ConversionError(f"{name} does not tell fake from real; choose a classifier")
    crop = to_input(np.resize(probe, (1, spec.input_px, spec.input_px, 3)))
    content = fixed(spec.file().read_bytes(), crop.shape)
    return {
        "name": name,
        "sha256": spec.files[spec.serve].sha256,
        "input_px": spec.input_px,
        "positive_class": spec.positive_class,
        "calibration": asdict(spec.calibration or UNCALIBRATED),
        "rates": asdict(spec.rates) if spec.rates else None,
        "likelihood": asdict(spec.likelihood) if spec.likelihood else None,
        "network": _network(folder / f"{name}.tflite", content, crop),
    }


def _network(path: Path, content: bytes, batch: Float32) -> dict[str, Any]:
    path.write_bytes(content)
    return {**_file(path), **_probed(content, batch)}


def _probed(content: bytes, batch: Float32) -> dict[str, Any]:
    """The shape of an input made of the probe, and what the network answers to it."""
    values = answer(content, batch)
    return {"shape": list(batch.shape), "answer": [round(float(v), 6) for v in values.ravel()]}


def _file(path: Path) -> dict[str, Any]:
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
