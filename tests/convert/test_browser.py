"""The networks for the browser: settled shapes, and the very answers of the registered files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import browser
from convert.__main__ import main
from convert.errors import ConversionError
from convert.fixed import answer, with_sides
from models import registry
from models.pyramid import windows_along
from server.analysis.runtimes.tflite import TfliteRuntime
from server.terms import AnalysisOptions

SERVED = AnalysisOptions().model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    assert main(["browser", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / browser.MANIFEST).read_text())


def entries(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    detector = [manifest["detector"][name] for name in ("pnet", "rnet", "onet")]
    return [*detector, manifest["classifier"]["network"]]


def test_every_file_is_named_with_its_hash(folder: Path, manifest: dict[str, Any]) -> None:
    named = {entry["file"]: entry["sha256"] for entry in [manifest["probe"], *entries(manifest)]}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    del found[browser.MANIFEST]
    assert named == found


@pytest.mark.parametrize("name", ["rnet", "onet"])
def test_a_batch_is_answered_as_by_the_registered_file(
    folder: Path, manifest: dict[str, Any], name: str
) -> None:
    entry = manifest["detector"][name]
    batch = np.random.default_rng(1).uniform(0, 255, entry["shape"]).astype(np.float32)
    expected = TfliteRuntime(registry.spec("mtcnn").file(name)).run(batch)
    found = answer((folder / entry["file"]).read_bytes(), batch)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_classifier_is_the_served_one(folder: Path, manifest: dict[str, Any]) -> None:
    spec = registry.spec(SERVED)
    about = manifest["classifier"]
    assert (about["name"], about["input_px"]) == (SERVED, spec.input_px)
    assert about["sha256"] == spec.files[spec.serve].sha256
    runtime = TfliteRuntime(spec.file())
    entry = about["network"]
    crop = np.random.default_rng(1).uniform(-1, 1, entry["shape"]).astype(np.float32)
    found = answer((folder / entry["file"]).read_bytes(), crop)
    np.testing.assert_allclose(found, runtime.run(crop), atol=1e-4)


@pytest.mark.parametrize("sides", [(12, 12), (37, 80), (108, 193)])
def test_the_p_net_takes_the_sides_that_are_written_into_it(
    folder: Path, manifest: dict[str, Any], sides: tuple[int, int]
) -> None:
    entry = manifest["detector"]["pnet"]
    places = entry["sides_at"]["input"], entry["sides_at"]["answer"]
    cells = windows_along(sides[0]), windows_along(sides[1])
    content = with_sides((folder / entry["file"]).read_bytes(), places, sides, cells)
    picture = np.random.default_rng(1).uniform(0, 255, (1, *sides, 3)).astype(np.float32)
    found = answer(content, picture)
    assert found.shape == (1, *cells, 5)
    expected = TfliteRuntime(registry.spec("mtcnn").file("pnet")).run(picture)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_no_shape_is_left_open(folder: Path) -> None:
    """LiteRT.js refuses to run such a file."""
    from ai_edge_litert.interpreter import Interpreter

    for path in folder.glob("*.tflite"):
        if path.name == "mtcnn-pnet.tflite":
            continue
        for tensor in Interpreter(model_path=str(path)).get_tensor_details():
            assert (tensor["shape_signature"] == tensor["shape"]).all(), (path, tensor["name"])
            assert (tensor["shape"] > 0).all(), (path, tensor["name"])


def test_what_judges_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="choose a classifier"):
        browser.write(tmp_path, "mtcnn")
    with pytest.raises(ConversionError, match="known: "):
        browser.write(tmp_path, "nobody")
