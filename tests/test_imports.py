"""The architecture: imports point one way, and light things stay light."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LEAVES = {f"server.{name}" for name in ("errors", "config", "logs", "verdict_schema")}

# Who may import whom, besides themselves.
ALLOWED = {
    "server.analysis": {"models", "server.errors"},
    "server.fetch": {
        "server.errors",
        "server.config",
        "server.analysis.records",
        "server.processes",
    },
    "server.gpu": {"models", "server.analysis", "server.processes.sandbox", *LEAVES},
    "server.processes": {"server.analysis", "server.fetch", "server.gpu", *LEAVES},
    "server.jobs": {
        "server.processes",
        "server.gpu",
        "server.fetch",
        "server.__version__",
        "models",
        *LEAVES,
    },
    "server.api": {
        "server.jobs",
        "server.processes.sandbox",
        "server.fetch",
        "models",
        *LEAVES,
    },
    "server.web": {"server.config", "server.errors"},
    "models": set(),
    "convert": {"models", "server.analysis", "server.errors"},
    "training": {"models", "convert", "server.analysis", "server.errors"},
    "benchmarks": {"models", "convert", "training", "server"},
}
OURS = ("server", "models", "convert", "training", "benchmarks", "tests")


def imported(path: Path) -> set[str]:
    """The names of our own modules that the file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in OURS}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    files = list((ROOT / package.replace(".", "/")).rglob("*.py"))
    assert files, f"{package} has no modules"
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if not any(within(name, allowed) for allowed in ALLOWED[package] | {package})
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("server.app", ["ai_edge_litert", "tflite_runtime", "tensorflow", "keras", "cv2", "av"]),
        ("models.registry", ["keras", "tensorflow", "numpy"]),
        ("server.analysis.analyze", ["tensorflow", "keras", "flask"]),
        ("server.jobs.worker", ["tensorflow", "keras", "numpy"]),
        ("models.keras_files", ["keras", "tensorflow", "numpy"]),
    ],
)
def test_importing_loads_nothing_heavy(module: str, heavy: list[str]) -> None:
    code = f"import {module}, sys; print(sorted(set({heavy}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


def test_the_serving_lock_is_lean() -> None:
    pinned = {
        line.split("==")[0]
        for line in (ROOT / "requirements-serve.txt").read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    }
    assert "ai-edge-litert" in pinned
    assert pinned.isdisjoint({"tensorflow", "keras", "mtcnn", "torch", "jax", "scikit-learn"})


def test_every_lock_line_has_a_hash() -> None:
    locks = sorted(ROOT.glob("requirements*.txt"))
    assert len(locks) == 5
    for lock in locks:
        name, lines = lock.name, lock.read_text().splitlines()
        for line, following in itertools.pairwise(lines):
            if "==" in line and not line.startswith((" ", "#")):
                assert following.strip().startswith("--hash=sha256:"), f"{name}: {line}"
