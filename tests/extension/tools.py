"""The extension's own tools, which are scripts and no package, and the Node.js that runs others."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str) -> ModuleType:
    """extension/NAME.py as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "extension" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def node() -> str:
    """The path of a Node.js that extension/package.json takes; skips the test without one."""
    wanted = json.loads((ROOT / "extension" / "package.json").read_text())["engines"]["node"]
    path = shutil.which("node")
    if path is None:
        pytest.skip(f"Node.js is not installed; the extension's checks want {wanted}")
    told = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    version = told.stdout.strip().removeprefix("v")
    if not SpecifierSet(wanted).contains(version):
        pytest.skip(f"Node.js {version} is installed; the extension's checks want {wanted}")
    return path
