"""What the extension computes in the browser is what the service computes: the same pixels, faces,
tracks and verdict, in Node on the very WebAssembly that the browser runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.extension import golden
from tests.extension.tools import node, tool

FOLDER = ROOT / "extension"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    golden.write(folder, astronaut)
    return folder


def in_node(name: str, environ: dict[str, str]) -> int:
    """Run extension/parity/NAME; how many of its tests passed."""
    line = [node(), "--no-warnings", "--test", f"parity/{name}"]
    run = subprocess.run(
        line, cwd=FOLDER, env=os.environ | environ, capture_output=True, text=True, timeout=280
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    found = re.search(r"# pass (\d+)", run.stdout)
    assert found is not None
    return int(found[1])


def test_pixels(written: Path) -> None:
    assert in_node("pixels.test.js", {"GOLDEN": str(written)}) >= 9


def test_rules(written: Path) -> None:
    assert in_node("rules.test.js", {"GOLDEN": str(written)}) >= 2


@pytest.mark.slow
def test_faces_and_verdicts(written: Path, parts: Path) -> None:
    environ = {
        "GOLDEN": str(written),
        "NETWORKS": str(parts / "networks"),
        "LITERT": str(parts / "litert"),
    }
    assert in_node("networks.test.js", environ) == 3


@pytest.mark.slow
def test_our_clips(shared_data: Path, parts: Path, tmp_path: Path) -> None:
    clips = sorted((shared_data / "clips").glob("*/*.mp4"))
    assert clips
    golden.write_clips(tmp_path, clips, samples=4)
    environ = {
        "GOLDEN": str(tmp_path),
        "NETWORKS": str(parts / "networks"),
        "LITERT": str(parts / "litert"),
    }
    assert in_node("networks.test.js", environ) == 3


@pytest.mark.slow
def test_a_package_with_networks_is_small_enough(parts: Path, tmp_path: Path) -> None:
    size = tool("pack").pack("chrome", tmp_path, parts).stat().st_size
    assert size < 25e6, f"{size / 1e6:.1f} MB"


def test_litert_comes_with_its_licence(parts: Path) -> None:
    folder = parts / "litert"
    assert "Apache License" in (folder / "LICENSE").read_text()
    assert re.search(r"LiteRT\.js \d+\.\d+", (folder / "NOTICE").read_text())
    for script in (folder / "litert.js", folder / "wasm-utils.js"):
        for name in re.findall(r'^import .* from "(.+)"', script.read_text(), re.M):
            assert (folder / name).is_file(), name
    assert {path.suffix for path in folder.iterdir()} == {"", ".js", ".json", ".wasm"}


def test_each_webassembly_is_named_with_its_hash(parts: Path) -> None:
    manifest = json.loads((parts / "litert" / "litert.json").read_text())
    assert list(manifest["variants"]) == ["relaxed-simd", "simd"]
    for variant in manifest["variants"].values():
        content = (parts / "litert" / variant["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == variant["sha256"]
        assert (parts / "litert" / variant["script"]).is_file()
