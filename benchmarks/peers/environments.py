"""Environments for the peers whose pins clash with ours: `python -m benchmarks peers` makes them.

The mtcnn package, Keras and TensorFlow are in requirements.txt, since conversion and training need
them: these peers run with the interpreter that runs the benchmark.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.options import Missing, option
from benchmarks.peers.side import ROOT

REQUIREMENTS = Path(__file__).resolve().parent
FOLDER = ROOT / "var" / "peers"
LEAN = ROOT / ".venv" / "bin" / "python"  # what the service runs with
NAMES = ("facenet", "tflite-runtime")


@dataclass(frozen=True, slots=True)
class Options:
    names: tuple[str, ...] = option("such as facenet", NAMES, positional=True, nargs="*")
    lock: bool = option("pin them again instead", False)


def main(options: Options) -> None:
    """Make or pin environments. Raises Missing."""
    for name in options.names:
        if name not in NAMES:
            raise Missing(f"no such peer: {name}; there are {', '.join(NAMES)}")
        if options.lock:
            lock(name)
        else:
            print(f"{name}: {make(name)}", flush=True)


def python(name: str) -> Path:
    """The interpreter of the peer's environment. Raises Missing."""
    path = _python(name)
    if not path.exists():
        raise Missing(f"{name} is not here; this makes it: python -m benchmarks peers {name}")
    return path


def lean() -> Path:
    """The interpreter that the service runs with. Raises Missing."""
    if not LEAN.exists():
        raise Missing(f"{LEAN.parents[1].name} is not here; this makes it: make .venv/.ready")
    return LEAN


def make(name: str) -> Path:
    """Set the environment up, if it is not there; its interpreter."""
    path = _python(name)
    if not path.exists():
        home = FOLDER / f"{name}.new"
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        install = [home / "bin" / "python", "-m", "pip", "install", "--quiet"]
        locked = ["--require-hashes", "--no-deps", "-r", REQUIREMENTS / f"{name}.txt"]
        subprocess.run([*install, "--disable-pip-version-check", *locked], check=True)
        home.rename(FOLDER / name)
    return path


def lock(name: str) -> None:
    """Pin again what the environment holds."""
    how = ["--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade", "--quiet"]
    how += ["--only-binary", ":all:", "--emit-build-options"]
    how += ["--no-emit-index-url", "--no-emit-find-links"]
    command = "python -m benchmarks peers --lock    (to install: pip install --no-deps -r FILE)"
    how += ["--custom-compile-command", command]
    files = [f"{name}.in", "--output-file", f"{name}.txt"]
    compiler = [sys.executable, "-m", "uv", "pip", "compile"]
    subprocess.run([*compiler, *how, *files], cwd=REQUIREMENTS, check=True)


def _python(name: str) -> Path:
    return FOLDER / name / "bin" / "python"
