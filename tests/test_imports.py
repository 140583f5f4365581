"""The architecture: imports point one way, and light things stay light."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LEAVES = {
    "server.errors",
    "server.faults",
    "server.terms",
    "server.words",
    "server.config",
    "server.logs",
    "server.formats",
    "server.verdict_schema",
}

# Who may import whom, besides themselves.
ALLOWED = {
    "server.analysis": {"models", "server.errors", "server.formats", "server.terms"},
    "server.fetch": {"server.errors", "server.formats"},
    "server.gpu": {"models", "server.analysis", "server.processes.sandbox", *LEAVES},
    "server.processes": {"server.analysis", "server.fetch", "server.gpu", *LEAVES},
    "server.jobs": {
        "server.processes",
        "server.gpu",
        "server.fetch.urls",
        "server.__version__",
        "models",
        *LEAVES,
    },
    "server.api": {
        "server.jobs",
        "server.processes.sandbox",
        "server.fetch.urls",
        "models",
        *LEAVES,
    },
    "server.web": {"server.api", "models", *LEAVES},
    "models": set(),
    "convert": {"models", "server.analysis", "server.errors", "server.terms", "server.words"},
    "training": {"models", "convert", "server.analysis", "server.errors", "server.terms"},
    # It drives browser and service as the tests do.
    "benchmarks": {"models", "convert", "training", "server", "tests.e2e"},
}
OURS = ("server", "models", "convert", "training", "benchmarks", "tests")

# The rooms of training: whom each may import of it, besides itself. Its command lines, which are
# doors and no rooms, may import any.
ROOMS = {
    "training.data": set(),
    "training.metrics": set(),
    "training.forgery": {"training.data"},
    "training.fit": {"training.data", "training.forgery", "training.metrics"},
    "training.evaluate": {"training.data", "training.metrics", "training.fit.development"},
    "training.evidence": {"training.data", "training.forgery"},
    "training.card": {
        "training.data",
        "training.metrics",
        "training.evaluate",
        "training.evidence",
        "training.forgery",
    },
}


def imported(path: Path) -> set[str]:
    """The names of our own modules that the file imports, anywhere in it."""
    return named(ast.parse(path.read_text()))


def named(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
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


@pytest.mark.parametrize("room", ROOMS)
def test_the_rooms_of_training_are_entered_from_one_side(room: str) -> None:
    base = ROOT / room.replace(".", "/")
    files = [path for path in base.rglob("*.py") if path.name != "__main__.py"]
    files += [base.with_suffix(".py")] * (not files)
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if within(name, "training")
        and not any(within(name, allowed) for allowed in ROOMS[room] | {room})
    ]
    assert wrong == []


def test_there_is_no_flat_module_of_training_but_metrics() -> None:
    rooms = {path.name for path in (ROOT / "training").iterdir() if (path / "__init__.py").exists()}
    assert {f"training.{name}" for name in rooms} | {"training.metrics"} == ROOMS.keys()
    flat = {path.stem for path in (ROOT / "training").glob("*.py")}
    assert flat == {"__init__", "__main__", "metrics"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports within functions count too. Raises graphlib.CycleError, which names the circle."""
    paths = [path for package in OURS[:-1] for path in (ROOT / package).rglob("*.py")]
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }
    graph = {
        module: {
            name if name in modules else name.rpartition(".")[0] for name in imported(path)
        }.intersection(modules)
        - {module}
        for module, path in modules.items()
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(modules)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        (
            "server.app",
            ["ai_edge_litert", "tflite_runtime", "tensorflow", "keras", "cv2", "av", "yt_dlp"],
        ),
        ("server.terms", ["numpy", "pydantic"]),
        ("models.registry", ["keras", "tensorflow", "numpy"]),
        ("server.analysis.analyze", ["tensorflow", "keras", "flask"]),
        ("server.jobs.worker", ["tensorflow", "numpy", "yt_dlp", "sqlalchemy.dialects.postgresql"]),
        ("models.keras_files", ["keras", "tensorflow", "numpy"]),
        ("server.processes.main", ["numpy", "yt_dlp", "asyncio", "pydantic"]),
        ("server.processes.fetch_main", ["numpy", "cv2", "av", "ai_edge_litert", "pydantic"]),
        ("server.processes.check_main", ["yt_dlp", "asyncio", "flask", "sqlalchemy", "pydantic"]),
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
