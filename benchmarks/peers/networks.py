"""The classifiers in all their forms, in one folder: `python -m benchmarks.peers.networks OPTIONS`.

Meso-3 as it is shipped; Meso-4 with batch norms that do something but weights that nobody trained,
since what it costs does not depend on them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.side import ROOT, command
from models import registry

TFLITE = tuple(dict.fromkeys(("float32", registry.spec("meso3").serve)))
FORMS = ("keras", *TFLITE)
NETWORKS = ("meso3", "meso4")


def made(folder: Path) -> dict[str, dict[str, Path]]:
    """The files by network and form, made unless they are in `folder`."""
    files = {
        network: {form: folder / _name(network, form) for form in FORMS} for network in NETWORKS
    }
    if not all(path.exists() for forms in files.values() for path in forms.values()):
        # In a process of its own: TensorFlow shall not be where ours is measured.
        subprocess.run(command("networks", folder=str(folder)), cwd=ROOT, check=True)
    return files


def _name(network: str, form: str) -> str:
    return f"{network}.keras" if form == "keras" else f"{network}-{form}.tflite"


def _make(folder: Path) -> None:
    import keras
    import numpy as np

    from convert.fold import fold
    from convert.tflite import export
    from models.meso import meso4

    folder.mkdir(parents=True, exist_ok=True)
    meso3 = registry.spec("meso3")
    for form in FORMS:
        shutil.copyfile(meso3.file(form), folder / _name("meso3", form))
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    model = meso4()
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights([rng.uniform(0.5, 1.5, shape) for _ in range(4)])
    folded = fold(model)
    for precision in TFLITE:
        (folder / _name("meso4", precision)).write_bytes(export(folded, precision))
    model.save(folder / "meso4.keras")  # last: it says that all are there


if __name__ == "__main__":
    _make(Path(json.loads(sys.argv[1])["folder"]))
