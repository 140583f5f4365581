"""The maps of a network, put to the tests of trials.py: results/NAME-evidence.csv.

A network with several heads has a map of its own (models/multihead.py), and a mask head can be made
for it: a weighted sum of the features of all its stages. Either can be registered, and is shown if
it passes on val and test.
"""

from __future__ import annotations

import csv
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from convert import tflite
from convert.network import load as load_network
from models import multihead, registry
from models.preprocess import to_input
from server.analysis.records import Float32, Float64, Uint8
from server.analysis.runtimes.tflite import TfliteRuntime
from training.data import crops as data
from training.data import tables
from training.evidence.trials import Look, Row, enlarged, measure, passes
from training.forgery.ovals import Blends, self_blends

RESULTS = Path(__file__).resolve().parents[1] / "results"
REGISTERED = "registered map"
PRECISION = "dynamic"  # of the registered file
PICTURES = 400  # of val, to choose the threshold on
LAYERS = ("stage1_block3_add", "stage2_block2_add", "stage3_block2_add", "head_relu")
CELL_PX = 8  # of the network's input, a side of a place
HEAD_PICTURES = 900
PLACES = 100  # drawn of each picture
STRENGTH = 1e-3  # of the inverse regularisation
LEAST_FOREIGN = 0.6  # least share of the marked places that is foreign: sets the threshold
Results = dict[tuple[str, str], list[Row]]  # by map and part of the data


def registered(spec: registry.ModelSpec) -> Look:
    """The registered map and the logits, as they are served."""
    assert spec.evidence is not None
    head = TfliteRuntime(spec.evidence.file.checked())
    network = TfliteRuntime(spec.file())
    return lambda pictures: (_run(head, pictures), _run(network, pictures)[:, 0])


def _run(runtime: TfliteRuntime, pictures: Uint8) -> NDArray[np.float32]:
    parts = [runtime.run(to_input(pictures[at : at + 32])) for at in range(0, len(pictures), 32)]
    return np.concatenate(parts)


def fit(name: str, data_folder: Path) -> Path:
    """Train the mask head of the registered model `name`, on the train part; register it."""
    model = load_network(registry.spec(name).file("keras"))
    with suppress(ValueError):
        model = multihead.trained(model)  # the trunk, where heads are apart
    return register(name, fit_head(model, data.part(data_folder, "train")), data_folder)


def register(name: str, head: Any, data_folder: Path) -> Path:
    """Put a Keras model, crops float32 [N, S, S, 3] to P(place is foreign) [N, h, w], beside the
    weights of `name`, with a threshold chosen on val; not shown until report() finds that it may.
    """
    path = registry.WEIGHTS / f"{name}-evidence.tflite"
    path.write_bytes(tflite.export(head, PRECISION))
    blends = self_blends(data.part(data_folder, "val"), PICTURES, head.input_shape[1])
    threshold = threshold_of(_run(TfliteRuntime(path), blends.pictures), blends)
    entry = {**registry.file_entry(path, PRECISION), "threshold": threshold}
    registry.update(name, evidence={**entry, "shown": False, "iou": None, "part": None})
    return path


def fit_head(model: Any, train_set: data.Crops, count: int = HEAD_PICTURES) -> Any:
    """Train a mask head on self-blends of `count` reals, and on half as many reals as they are.

    The features of every stage of a frozen Meso-3 are put on one grid; a logistic regression on
    the foreign pixels of the self-blends weighs them; the sums are smoothed before the sigmoid. The
    network is not touched: the head uses the features that it has.
    Returns a Keras model: crops float32 [N, S, S, 3] as `model` takes them to P(place is foreign)
    float32 [N, S / 8, S / 8].
    """
    side_px = model.input_shape[1]
    blends = self_blends(train_set, count, side_px)
    kept = len(blends.pictures) // 2
    pictures = np.concatenate([blends.pictures, blends.untouched[:kept]])
    touched = np.concatenate([blends.touched(), np.zeros((kept, side_px, side_px), bool)])
    seen = features(model)
    values, foreign = places(seen, pictures, touched)
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-3
    line = LogisticRegression(C=STRENGTH, solver="newton-cholesky")
    line.fit((values - mean) / spread, foreign)
    weights = line.coef_[0] / spread
    return head(seen, weights, float(line.intercept_[0] - mean @ weights))


def features(model: Any) -> Any:
    """The Keras model of all stages' features, on one grid: [N, S / 8, S / 8, C]."""
    import keras

    cells = model.input_shape[1] // CELL_PX
    maps = []
    for name in LAYERS:
        x = model.get_layer(name).output
        if x.shape[1] > cells:
            x = keras.layers.AveragePooling2D(x.shape[1] // cells)(x)
        elif x.shape[1] < cells:
            x = keras.layers.UpSampling2D(cells // x.shape[1])(x)
        maps.append(x)
    return keras.Model(model.input, keras.layers.Concatenate()(maps))


def places(seen: Any, pictures: Uint8, touched: NDArray[np.bool_]) -> tuple[Float32, Any]:
    """PLACES places of each picture: features float32 [P, C], and whether they are foreign."""
    rng = np.random.default_rng(0)
    cells = seen.output_shape[1]
    values, foreign = [], []
    for at in range(0, len(pictures), 64):
        found = np.asarray(seen.predict_on_batch(to_input(pictures[at : at + 64])))
        for maps, mask in zip(found, touched[at : at + 64], strict=True):
            shares = cv2.resize(
                mask.astype(np.float32), (cells, cells), interpolation=cv2.INTER_AREA
            )
            chosen = rng.permutation(cells * cells)[:PLACES]
            values.append(maps.reshape(cells * cells, -1)[chosen])
            foreign.append(shares.ravel()[chosen] >= 0.5)
    return np.concatenate(values), np.concatenate(foreign)


def head(seen: Any, weights: Float64, bias: float) -> Any:
    """The weighted sum of features at each place, smoothed, as a probability."""
    import keras

    layer = keras.layers.Conv2D(1, 1, name="sum")
    x = layer(seen.output)
    layer.set_weights([weights.reshape(1, 1, -1, 1), np.array([bias])])
    for _ in range(2):  # means of inner places alone at the edge, unlike a convolution
        x = keras.layers.AveragePooling2D(3, strides=1, padding="same")(x)
    x = keras.layers.Reshape(seen.output_shape[1:3])(keras.layers.Activation("sigmoid")(x))
    return keras.Model(seen.input, x, name="evidence")


def threshold_of(maps: Float32, blends: Blends) -> float:
    """The lowest, in hundredths, at which LEAST_FOREIGN of all marked places is foreign."""
    marks, touched = enlarged(maps, blends.masks.shape[1]), blends.touched()
    for hundredths in range(1, 100):
        marked = marks >= hundredths / 100
        if touched[marked].mean() >= LEAST_FOREIGN:
            return hundredths / 100
    raise ValueError("the map is wrong wherever it is sure")


def report(name: str, data_folder: Path, count: int) -> Results:
    """Measure the maps of the registered model `name`; write results/NAME-evidence.csv and, beside
    the weights, whether its map is shown. The test part is touched if all is well on val. Raises
    ValueError if no map is registered."""
    spec = registry.spec(name)
    if spec.evidence is None:
        raise ValueError(f"{name} has no map; make one with --fit, or register one with --map")
    given, threshold = (registered(spec), spec.input_px), spec.evidence.threshold
    results: Results = {}
    for part in ("val", "test"):
        crops = data.part(data_folder, part)
        rows = results[REGISTERED, part] = measure(*given, crops, count, threshold)
        if not passes(rows):
            break
    lines = [
        {"which": which, "part": part, **asdict(row)}
        for (which, part), rows in results.items()
        for row in rows
    ]
    tables.write(results_of(name), lines, lines[0])
    registry.update(name, evidence=registry.read(name)["evidence"] | facts(results))
    return results


def facts(results: Results) -> dict[str, Any]:
    """What the registry states of the map that was measured."""
    part = "test" if (REGISTERED, "test") in results else "val"
    iou = next(row for row in results[REGISTERED, part] if row.measure == "IoU")
    shown = part == "test" and passes(results[REGISTERED, "test"])
    return {
        "shown": shown,
        "iou": [iou.map, iou.baseline],
        "part": f"self-blended faces of DFDC {part}",
    }


def is_shown(name: str) -> bool:
    evidence = registry.spec(name).evidence
    return evidence is not None and evidence.shown


def results_of(name: str) -> Path:
    return RESULTS / f"{name}-evidence.csv"


def read(name: str) -> Results:
    """What report() measured of the maps of the model `name`."""
    results: Results = {}
    with results_of(name).open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            numbers = (float(line[k]) for k in ("map", "baseline", "difference", "low", "high"))
            row = Row(line["measure"], *numbers, int(line["pictures"]), int(line["people"]))
            results.setdefault((line["which"], line["part"]), []).append(row)
    return results
