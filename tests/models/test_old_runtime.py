"""What we ship also runs where only tflite-runtime 2.14 does: NumPy 1, OpenCV 4, Python 3.11."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from models import registry
from models.preprocess import to_input
from server.analysis.runtimes.tflite import TfliteRuntime

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-tflite-runtime" / "bin" / "python"
# Of probabilities. Where the pictures between the layers are rounded to 8 bits too, a runtime that
# sums in another order may round otherwise: a fifth of what that rounding itself puts them off by.
ALLOWED = {"float32": 1e-4, "float16": 2e-3, "dynamic": 0.02, "int8": 0.05}

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from server.analysis.runtimes.tflite import TfliteRuntime
folder = Path(sys.argv[1])
for given in sorted(folder.glob("*.npy")):
    runtime = TfliteRuntime(Path(sys.argv[2]) / given.stem)
    np.save(folder / f"{given.stem}.answer", runtime.run(np.load(given)))
print(np.__version__, "tflite_runtime.interpreter" in sys.modules)
"""


@pytest.fixture(scope="module")
def python() -> str:
    if not PYTHON.exists():
        pytest.skip("no environment with tflite-runtime: make .venv-tflite-runtime/.ready")
    return str(PYTHON)


def files() -> list[registry.ModelFile]:
    """Every TFLite file."""
    found = []
    for spec in map(registry.spec, registry.names()):
        found += [file for file in spec.files.values() if file.precision != "keras"]
        found += [spec.evidence.file] if spec.evidence else []
    return found


def given_to(file: registry.ModelFile, picture: np.ndarray) -> np.ndarray:
    """Four pictures as this file takes them."""
    side_px = int(TfliteRuntime(file.path).details()[0]["shape"][1])
    side_px = side_px if side_px > 1 else 97  # any size goes
    cuts = [picture[40 + 9 * i : 260 + 9 * i, 110 + 9 * i : 330 + 9 * i] for i in range(4)]
    crops = np.stack([cv2.resize(cut, (side_px, side_px)) for cut in cuts])
    return crops.astype(np.float32) if "mtcnn" in file.path.name else to_input(crops)


def test_every_file_loads_there_and_says_the_same(
    python: str, tmp_path: Path, astronaut: np.ndarray
) -> None:
    assert len(files()) >= 8
    for file in files():
        np.save(tmp_path / f"{file.path.name}.npy", given_to(file, astronaut))
    command = [python, "-c", PROGRAM, str(tmp_path), str(registry.WEIGHTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    version, loaded = done.stdout.split()
    assert version.startswith("1.")
    assert loaded == "True"
    for file in files():
        found = np.load(tmp_path / f"{file.path.name}.answer.npy")
        expected = TfliteRuntime(file.path).run(given_to(file, astronaut))
        if found.shape[1:] == (1,):
            found, expected = ((1 + np.tanh(each / 2)) / 2 for each in (found, expected))
        worst = float(np.abs(found - expected).max())
        assert worst <= ALLOWED[file.precision], file.path.name


def test_a_whole_check_runs_there(python: str) -> None:
    sample = ROOT / "server" / "web" / "static" / "sample.jpg"
    command = [python, "-m", "server", "analyze", str(sample), "--json"]
    setting = os.environ | {"MESOSCOPE_MODEL": "meso3"}
    done = subprocess.run(command, cwd=ROOT, env=setting, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert len(verdict["faces"]) == 1
    assert verdict["versions"]["tflite-runtime"] == "2.14.0"
