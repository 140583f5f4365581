"""Does the network's own map say where a face was changed? Measured, before anybody is shown one.

The map is the class activation map (Zhou et al., CVPR 2016). Behind the last features stand only a
mean over places and one weighted sum, so it is exact: the mean of the map is the logit. Two tests:

* self-blended faces, of which the changed pixels are known: the most-marked fifth must overlap the
  mask better (IoU) than the fifth that masks cover most often, wherever the map points;
* deletion: blurring the most-marked fifth of a fake must lower its logit more than blurring a
  random fifth does.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models import registry
from models.preprocess import resize, to_input
from server.analysis.faces import FaceFinder
from training import crops as data
from training.selfblend import PARTS, self_blend

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Look = Callable[[Uint8], tuple[Float32, Float32]]  # crops to maps [N, h, w] and logits [N]

RESULTS = Path(__file__).parent / "results" / "evidence.csv"
MARKED = 0.2  # of the picture
BOOTSTRAPS = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """The map and its baseline, each a mean over pictures, and their difference with its 95 %
    bootstrap interval over people."""

    measure: str
    map: float
    baseline: float
    difference: float
    low: float
    high: float
    pictures: int
    people: int


def class_activation(network: Path) -> tuple[Look, int]:
    """The map of a .keras file whose head is a global mean and one dense layer, and its side."""
    import keras

    from convert import classifier

    model = classifier.load(network)
    features = keras.Model(model.input, model.get_layer("pool").input)
    weights, bias = model.get_layer("logit").get_weights()

    def look(pictures: Uint8) -> tuple[Float32, Float32]:
        parts = [
            np.asarray(features.predict_on_batch(to_input(pictures[at : at + 64])))
            for at in range(0, len(pictures), 64)
        ]
        maps = np.concatenate(parts) @ weights[:, 0] + bias[0]
        return maps.astype(np.float32), maps.mean(axis=(1, 2), dtype=np.float32)

    return look, int(model.input_shape[1])


def most_marked(weights: Float32) -> Bool:
    """The fifth of a picture with the highest weight, bool [S, S]."""
    return np.asarray(weights > np.quantile(weights, 1 - MARKED))


def enlarged(maps: Float32, side_px: int) -> Float32:
    size = (side_px, side_px)
    return np.stack([cv2.resize(m, size, interpolation=cv2.INTER_CUBIC) for m in maps])


def overlap(maps: Float32, masks: Float32) -> dict[str, tuple[Float64, Float64]]:
    """Of maps and masks float32 [N, S, S]: IoU and whether the strongest place lies in the mask,
    [N] each, for the maps and for what masks look like on the average."""
    usual = masks.mean(axis=0)
    touched = masks >= 0.5 * masks.max(axis=(1, 2), keepdims=True)
    ious = [
        np.array([_iou(most_marked(m), t) for m, t in zip(some, touched, strict=True)])
        for some in (maps, np.broadcast_to(usual, maps.shape))
    ]
    hits = [
        np.array([t.flat[int(np.argmax(m))] for m, t in zip(some, touched, strict=True)], float)
        for some in (maps, np.broadcast_to(usual, maps.shape))
    ]
    return {"IoU": (ious[0], ious[1]), "pointing": (hits[0], hits[1])}


def _iou(one: Bool, other: Bool) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def deletion(look: Look, pictures: Uint8, seed: int = 0) -> tuple[Float64, Float64]:
    """By how much the logit falls, [N], when the most-marked fifth is blurred, or a random one."""
    rng = np.random.default_rng(seed)
    side = pictures.shape[1]
    maps, before = look(pictures)
    marked = np.stack([most_marked(m) for m in enlarged(maps, side)])
    noise = rng.normal(size=maps.shape).astype(np.float32)
    chosen = np.stack([most_marked(m) for m in enlarged(noise, side)])
    drops = []
    for places in (marked, chosen):
        _, after = look(np.stack([blurred(p, m) for p, m in zip(pictures, places, strict=True)]))
        drops.append((before - after).astype(np.float64))
    return drops[0], drops[1]


def blurred(rgb: Uint8, places: Bool) -> Uint8:
    """`rgb` uint8 [S, S, 3] with `places` bool [S, S] out of focus, without a hard edge."""
    side = rgb.shape[0]
    share = cv2.GaussianBlur(places.astype(np.float32), (0, 0), side / 48)[..., None]
    soft = cv2.GaussianBlur(rgb, (0, 0), side / 12)
    return np.asarray(np.rint(rgb * (1 - share) + soft * share), np.uint8)


def compare(measure: str, found: Float64, baseline: Float64, people: NDArray[Any]) -> Row:
    """Paired over pictures; the interval draws whole people with replacement."""
    rng = np.random.default_rng(0)
    each = [found[people == person] - baseline[people == person] for person in np.unique(people)]
    drawn = [
        np.concatenate([each[i] for i in rng.integers(len(each), size=len(each))]).mean()
        for _ in range(BOOTSTRAPS)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    means = (found.mean(), baseline.mean(), (found - baseline).mean(), low, high)
    return Row(measure, *(round(float(x), 4) for x in means), len(found), len(each))


def passes(rows: list[Row]) -> bool:
    """Whether the map may be shown: surely better than its baseline in both tests."""
    low = {row.measure: row.low for row in rows}
    return low["IoU"] > 0 and low["deletion"] > 0


def measure(look: Look, side_px: int, crops: data.Crops, count: int) -> list[Row]:
    """Both tests on `count` reals and `count` fakes of `crops`, evenly drawn."""
    finder = FaceFinder()
    pictures, masks, people = [], [], []
    for n, i in enumerate(_drawn(~crops.fake, count)):
        rgb = data.decode(crops.images[i])
        faces = finder.find(rgb)
        if len(faces):
            blend = self_blend(rgb, faces.landmarks[0], seed=n, part=PARTS[n % len(PARTS)])
            pictures.append(resize(blend.rgb, side_px))
            masks.append(cv2.resize(blend.mask, (side_px, side_px), interpolation=cv2.INTER_AREA))
            people.append(crops.identities[i])
    maps, _ = look(np.stack(pictures))
    shares = overlap(enlarged(maps, side_px), np.stack(masks))
    rows = [compare(name, *pair, np.array(people)) for name, pair in shares.items()]
    fakes = _drawn(crops.fake, count)
    drops = deletion(look, np.stack([resize(data.decode(crops.images[i]), side_px) for i in fakes]))
    return [*rows, compare("deletion", *drops, crops.identities[fakes])]


def _drawn(wanted: Bool, count: int) -> NDArray[np.intp]:
    places = np.flatnonzero(wanted)
    return places[np.linspace(0, len(places) - 1, min(count, len(places))).astype(int)]


def report(name: str, data_folder: Path, count: int) -> list[Row]:
    """Measure the registered model `name` on the val part and write results/evidence.csv."""
    look, side_px = class_activation(registry.spec(name).file("keras"))
    rows = measure(look, side_px, data.read(data_folder / "dfdc224-val.tar"), count)
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, asdict(rows[0]).keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    return rows


def read() -> list[Row]:
    """The rows of results/evidence.csv."""
    with RESULTS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Row(
            line["measure"],
            *(float(line[key]) for key in ("map", "baseline", "difference", "low", "high")),
            int(line["pictures"]),
            int(line["people"]),
        )
        for line in rows
    ]
