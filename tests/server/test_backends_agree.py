"""Whole checks of real clips answer alike on Keras and on TFLite; `python -m benchmarks backends`
compares all clips."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.data]
ROOT = Path(__file__).resolve().parents[2]
CLIPS = ("ghost_elon", "dfdc_yhffcuhhjy")  # one face; two, small and moving


def compare(python: Path, backend: str, data: Path, *clips: str) -> None:
    command = ["-m", "benchmarks", "backends", "--data", str(data), "--clips", *clips]
    done = subprocess.run(
        [str(python), *command, "--samples-per-s", "0.5"],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.count(" faces, ") == len(clips)
    assert done.stdout.endswith("holds\n")


def test_tensorflow_says_what_tflite_says(shared_data: Path) -> None:
    compare(Path(sys.executable), "tensorflow", shared_data, *CLIPS)


@pytest.mark.parametrize("backend", ["jax"])
def test_another_backend_says_it_too(shared_data: Path, backend: str) -> None:
    python = ROOT / f".venv-{backend}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment with Keras on {backend}: make .venv-{backend}/.ready")
    compare(python, backend, shared_data, CLIPS[0])
