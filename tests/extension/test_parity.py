"""What the extension computes in the browser is what the service computes: the same pixels, faces,
tracks and verdict, in Node on the very WebAssembly that the browser runs."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from convert import browser
from tests.conftest import ROOT
from tests.extension import golden

FOLDER = ROOT / "extension"
NODE = shutil.which("node")


@pytest.fixture(scope="module")
def litert() -> ModuleType:
    spec = importlib.util.spec_from_file_location("litert", FOLDER / "litert.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not module.PACKAGES.is_dir():
        pytest.skip("LiteRT.js is not installed: npm ci --prefix extension")
    return module


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    golden.write(folder, astronaut)
    return folder


def in_node(name: str, environ: dict[str, str]) -> int:
    """Run extension/parity/NAME; how many of its tests passed."""
    if NODE is None:
        pytest.skip("node is not installed: apt-get install nodejs (20 or newer)")
    line = [NODE, "--no-warnings", "--test", f"parity/{name}"]
    run = subprocess.run(
        line, cwd=FOLDER, env=os.environ | environ, capture_output=True, text=True, timeout=280
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    found = re.search(r"# pass (\d+)", run.stdout)
    assert found is not None
    return int(found[1])


def test_pixels(written: Path) -> None:
    assert in_node("pixels.test.js", {"GOLDEN": str(written)}) >= 9


@pytest.mark.slow
def test_faces_and_verdicts(written: Path, litert: ModuleType, tmp_path: Path) -> None:
    browser.write(tmp_path / "networks")
    litert.copy(tmp_path / "litert")
    environ = {
        "GOLDEN": str(written),
        "NETWORKS": str(tmp_path / "networks"),
        "LITERT": str(tmp_path / "litert"),
    }
    assert in_node("networks.test.js", environ) == 3


def test_litert_comes_with_its_licence(litert: ModuleType, tmp_path: Path) -> None:
    litert.copy(tmp_path)
    assert "Apache License" in (tmp_path / "LICENSE").read_text()
    assert re.search(r"LiteRT\.js \d+\.\d+", (tmp_path / "NOTICE").read_text())
    for script in (tmp_path / "litert.js", tmp_path / "wasm-utils.js"):
        for name in re.findall(r'^import .* from "(.+)"', script.read_text(), re.M):
            assert (tmp_path / name).is_file(), name
    assert {path.suffix for path in tmp_path.iterdir()} == {"", ".js", ".wasm"}
