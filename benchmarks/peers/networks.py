"""The classifiers in all their forms, in one folder.

Meso-3 as it is shipped; Meso-4 with batch norms that do something but weights that nobody trained,
since what it costs does not depend on them.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from models import registry

TFLITE = tuple(dict.fromkeys(("float32", registry.spec("meso3").serve)))
FORMS = ("keras", *TFLITE)
NETWORKS = ("meso3", "meso4")


def file(folder: Path, network: str, form: str) -> Path:
    return folder / (f"{network}.keras" if form == "keras" else f"{network}-{form}.tflite")


def make(folder: Path) -> None:
    """Write them all; loads TensorFlow."""
    import keras
    import numpy as np

    from convert.fold import fold
    from convert.tflite import export
    from models.meso import meso4

    meso3 = registry.spec("meso3")
    for form in FORMS:
        shutil.copyfile(meso3.file(form), file(folder, "meso3", form))
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    model = meso4()
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights([rng.uniform(0.5, 1.5, shape) for _ in range(4)])
    folded = fold(model)
    for precision in TFLITE:
        file(folder, "meso4", precision).write_bytes(export(folded, precision))
    model.save(file(folder, "meso4", "keras"))
