"""Does a map say where a face was changed? Measured, before anybody is shown one.

* Self-blended faces, of which the changed pixels are known: the most-marked fifth must overlap the
  mask better (IoU) than the fifth that masks cover most often, wherever the map points.
* Restoring: with its real's own pixels in the most-marked fifth, a fake's logit must fall more
  than with those in a random fifth. (Harder, and not asked for: more than with those in the usual
  fifth.) Blurring these places instead tells nothing: what is blurred in part looks blended in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from convert import bootstrap
from models.preprocess import resize
from server.analysis.records import Float32, Float64, Uint8
from training.data import crops as data
from training.forgery.ovals import self_blends

Bool = NDArray[np.bool_]
Look = Callable[[Uint8], tuple[Float32, Float32]]  # crops to maps [N, h, w] and logits [N]
Pairs = dict[str, tuple[Float64, Float64]]  # by measure: of the map and of its baseline, [N] each

MARKED = 0.2  # of the picture


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


def most_marked(weights: Float32) -> Bool:
    """The fifth of a picture with the highest weight, bool [S, S]."""
    return np.asarray(weights > np.quantile(weights, 1 - MARKED))


def enlarged(maps: Float32, side_px: int) -> Float32:
    size = (side_px, side_px)
    return np.stack([cv2.resize(m, size, interpolation=cv2.INTER_CUBIC) for m in maps])


def overlap(maps: Float32, masks: Float32, threshold: float | None = None) -> Pairs:
    """Of maps and masks float32 [N, S, S]: IoU, and whether the strongest place lies in the mask;
    for the maps and for what masks look like on the average. With a threshold, also the IoU of
    what is above it."""
    usual = np.broadcast_to(masks.mean(axis=0), masks.shape)
    touched = masks >= 0.5 * masks.max(axis=(1, 2), keepdims=True)
    ious = [_ious([most_marked(m) for m in some], touched) for some in (maps, usual)]
    hits = [
        np.array([t.flat[int(np.argmax(m))] for m, t in zip(some, touched, strict=True)], float)
        for some in (maps, usual)
    ]
    pairs: Pairs = {"IoU": (ious[0], ious[1]), "pointing": (hits[0], hits[1])}
    if threshold is not None:
        pairs["IoU above the threshold"] = _ious(list(maps >= threshold), touched), ious[1]
    return pairs


def _ious(marked: list[Bool], touched: Bool) -> Float64:
    return np.array([_iou(m, t) for m, t in zip(marked, touched, strict=True)])


def _iou(one: Bool, other: Bool) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def restoring(look: Look, fakes: Uint8, reals: Uint8, usual: Float32, seed: int = 0) -> Pairs:
    """By how much the logits of `fakes` uint8 [N, S, S, 3] fall when their most-marked fifth is
    that of the reals they were made of, against a random fifth, and against that of `usual`
    float32 [S, S], what masks look like on the average."""
    rng = np.random.default_rng(seed)
    side = fakes.shape[1]
    maps, before = look(fakes)
    noise = rng.normal(size=maps.shape).astype(np.float32)

    def drop(weights: Float32) -> Float64:
        each = zip(fakes, reals, weights, strict=True)
        _, after = look(np.stack([restored(f, r, most_marked(w)) for f, r, w in each]))
        return (before - after).astype(np.float64)

    marked = drop(enlarged(maps, side))
    return {
        "restoring": (marked, drop(enlarged(noise, side))),
        "restoring against the usual place": (
            marked,
            drop(np.broadcast_to(usual, (len(maps), side, side))),
        ),
    }


def restored(fake: Uint8, real: Uint8, places: Bool) -> Uint8:
    """`fake` uint8 [S, S, 3] with the pixels of `real` in `places` bool [S, S], without a hard
    edge."""
    side = fake.shape[0]
    share = cv2.GaussianBlur(places.astype(np.float32), (0, 0), side / 48)[..., None]
    return np.asarray(np.rint(fake * (1 - share) + real * share), np.uint8)


def compare(measure: str, found: Float64, baseline: Float64, people: NDArray[Any]) -> Row:
    """Paired over pictures; the interval draws whole people with replacement."""
    difference = found - baseline
    low, high = bootstrap.interval(lambda drawn: float(difference[drawn].mean()), people)
    means = (found.mean(), baseline.mean(), difference.mean(), low, high)
    return Row(measure, *(round(float(x), 4) for x in means), len(found), len(set(people)))


def passes(rows: list[Row]) -> bool:
    """Whether the map may be shown: surely better than its baseline in both tests."""
    low = {row.measure: row.low for row in rows}
    return low["IoU"] > 0 and low["restoring"] > 0


def measure(
    look: Look, side_px: int, crops: data.Crops, count: int, threshold: float | None = None
) -> list[Row]:
    """Both tests on `count` reals and `count` pairs of `crops`, evenly drawn."""
    blends = self_blends(crops, count, side_px)
    maps, _ = look(blends.pictures)
    shares = overlap(enlarged(maps, side_px), blends.masks, threshold)
    pairs = crops.pairs()
    pairs = pairs[np.linspace(0, len(pairs) - 1, count).astype(int)]
    reals, fakes = (
        np.stack([resize(data.decode(crops.images[i]), side_px) for i in of]) for of in pairs.T
    )
    drops = restoring(look, fakes, reals, blends.masks.mean(axis=0))
    return [
        *(compare(name, *pair, blends.people) for name, pair in shares.items()),
        *(compare(name, *pair, crops.identities[pairs[:, 1]]) for name, pair in drops.items()),
    ]
