"""The score that chooses: sets of val pictures of every kind, as they are and compressed.

Nothing of a test part is read here. One kind of our own fakes is held out of training, so that its
row measures a network on a kind that it was not trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.multihead import KINDS
from models.preprocess import resize, to_input
from training import metrics
from training.data import codecs
from training.data import crops as data
from training.forgery import kinds as forgeries
from training.forgery.landmarks import SIDE_PX, Faces, picture, prepare

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

HELD_OUT = "cross-blend"
FORGED = 120  # pairs of each kind
COMPRESSED_CRF = 34
SEED = 20261126


@dataclass(frozen=True, slots=True)
class Pictures:
    """One set: uint8 [N, 224, 224, 3], `fake` bool [N], who is seen, and the head that is asked."""

    name: str
    pictures: Uint8
    fake: NDArray[np.bool_]
    people: NDArray[Any]
    head: str


def sets(folder: Path, thorough: bool = True) -> Iterator[Pictures]:
    """Those of the data folder; only the quick ones where `thorough` is not asked for."""
    deepfakes = of_crops("dfdc", data.part(folder, "val"), "swap")
    yield deepfakes
    reals = val_faces(folder)
    for name in forgeries.KINDS:
        made = forged(name, reals)
        yield made
        if thorough:
            yield _compressed(made)
    if thorough:
        half = np.arange(len(deepfakes.fake)) % 4 < 2
        yield _compressed(_taken(deepfakes, half))
    for part, head in (("gan", "generated"), ("photoshop", "blend")):
        yield of_crops(part, data.read(folder / "extra" / f"{part}-val.tar"), head)


def val_faces(folder: Path) -> Faces:
    """The reals of DFDC val, of which forged pictures are made."""
    return prepare(data.part(folder, "val"))


def photos(folder: Path) -> Pictures:
    """Reals alone: adults' photos (FairFace val), of people unlike DFDC's actors."""
    return of_crops("FairFace", data.read(folder / "fairface-adult-val.tar"), "")


def of_crops(name: str, crops: data.Crops, head: str) -> Pictures:
    pictures = np.stack([picture(image) for image in crops.images])
    return Pictures(name, pictures, crops.fake, crops.identities, head)


def forged(name: str, reals: Faces) -> Pictures:
    """Pairs of one kind, evenly drawn over the reals: the real as its fake's maker left it."""
    pictures, people, kind = [], [], forgeries.KINDS[name]
    for i in (kind.face(int(n)) for n in np.linspace(0, len(reals) - 1, FORGED)):
        made = kind.make(reals, i, np.random.default_rng((SEED, i)))
        pictures += [made.real, made.fake]
        people += [reals.identities[i]] * 2
    fake = np.arange(len(pictures)) % 2 == 1
    head = "generated" if kind.whole else "blend"
    return Pictures(name, np.stack(pictures), fake, np.array(people), head)


def _compressed(chosen: Pictures) -> Pictures:
    pictures = np.stack([codecs.h264(COMPRESSED_CRF, rgb) for rgb in chosen.pictures])
    name = f"{chosen.name} CRF {COMPRESSED_CRF}"
    return Pictures(name, pictures, chosen.fake, chosen.people, chosen.head)


def _taken(chosen: Pictures, where: NDArray[np.bool_]) -> Pictures:
    return Pictures(
        chosen.name, chosen.pictures[where], chosen.fake[where], chosen.people[where], chosen.head
    )


def logits(network: Any, pictures: Uint8, input_px: int = SIDE_PX, size: int = 32) -> Float32:
    """Of each head, float32 [N, K], of pictures scaled to `input_px`."""
    parts = []
    for n in range(0, len(pictures), size):
        x = to_input(np.stack([resize(p, input_px) for p in pictures[n : n + size]]))
        parts.append(np.asarray(network.predict_on_batch(x)["kinds"]))
    return np.concatenate(parts)


def together(of_heads: Float32) -> Float32:
    """One logit of several, float32 [N]: high where any head's is."""
    return np.asarray(np.logaddexp.reduce(of_heads, axis=1), np.float32)


def measure(network: Any, chosen: Pictures, input_px: int = SIDE_PX) -> dict[str, Any]:
    """A row: the AUC of the head that is asked and of all heads together, and TPR at 5 % FPR."""
    of_heads = logits(network, chosen.pictures, input_px)
    every = together(of_heads)
    return {
        "set": chosen.name,
        "pictures": len(chosen.fake),
        "head_auc": metrics.auc(chosen.fake, of_heads[:, KINDS.index(chosen.head)]),
        "auc": metrics.auc(chosen.fake, every),
        "tpr_at_fpr_5": metrics.tpr_at(0.05)(chosen.fake, every),
    }


def score(rows: list[dict[str, Any]]) -> float:
    """The mean over the sets of the mean of AUC and TPR: one number to choose by."""
    return float(np.mean([(row["auc"] + row["tpr_at_fpr_5"]) / 2 for row in rows]))
