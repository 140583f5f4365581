"""Scored crops of people: what likelihood ratios are fitted on and measured with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.preprocess import resize
from server.analysis.crops import sharpness
from server.analysis.evidence import to_logits
from server.analysis.likelihood import Pictures
from training.data import crops as data
from training.data.codecs import Treatment, h264, smaller
from training.evaluate.model import Model, p_fake_of

MOST = 12  # crops of one person and label: more of the same person add little
AS_IT_IS = "as it is"
CRF_40 = "H.264 CRF 40"
HALF = "half the size"
# What a video goes through on its way; each changes the quality that the line depends on.
TREATMENTS: dict[str, Treatment] = {
    AS_IT_IS: lambda crop: crop,
    "H.264 CRF 28": partial(h264, 28),
    CRF_40: partial(h264, 40),
    HALF: partial(smaller, 0.5),
}


@dataclass(frozen=True, slots=True)
class Scored:
    """N crops. `logits` float64 [N] of P(fake); `fake` bool [N]; `people`, `kinds` and `treatments`
    str [N]; `sharpness` float32 [N] in 0..1; `sizes_px` float32 [N], nan where unknown."""

    logits: NDArray[np.float64]
    fake: NDArray[np.bool_]
    people: NDArray[Any]
    kinds: NDArray[Any]
    treatments: NDArray[Any]
    sharpness: NDArray[np.float32]
    sizes_px: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.logits)

    def take(self, chosen: NDArray[Any]) -> Scored:
        return Scored(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def weights(self) -> NDArray[np.float64]:
        """The weight of each crop, such that each person weighs 1 with each label: float64 [N]."""
        keys = [f"{fake} {person}" for fake, person in zip(self.fake, self.people, strict=True)]
        _, at, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return np.asarray(1 / counts[at], np.float64)

    def pictures(self, chosen: NDArray[np.intp]) -> Pictures:
        """Those crops as of one person."""
        return Pictures(self.logits[chosen], self.sharpness[chosen], self.sizes_px[chosen])


def together(parts: list[Scored]) -> Scored:
    names = [field.name for field in fields(Scored)]
    return Scored(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def score(
    model: Model,
    crops: data.Crops,
    treatments: Mapping[str, Treatment] = TREATMENTS,
    kind: str = "",
) -> Scored:
    """Each crop after one of the treatments, which the crops of a person take in turn.

    A fake's kind is `kind`, or else its method in the manifest.
    """
    names = _in_turn(crops, list(treatments))
    pictures = [
        treatments[name](resize(data.decode(image), data.SIDE_PX))
        for name, image in zip(names, crops.images, strict=True)
    ]
    found = known(crops, p_fake_of(model, pictures), sharpness_of(pictures), kind)
    half = np.where(names == HALF, np.float32(0.5), np.float32(1.0))
    return replace(found, treatments=names, sizes_px=found.sizes_px * half)


def known(
    crops: data.Crops,
    p_fake: NDArray[np.float32],
    sharp: NDArray[np.float32] | None = None,
    kind: str = "",
) -> Scored:
    """The crops as they are, with their P(fake) float32 [N] and their sharpness float32 [N], by
    default that of the manifest, else of the pictures."""
    if sharp is None and "sharpness" in crops.columns:
        sharp = crops.numbers("sharpness")
    elif sharp is None:
        sharp = sharpness_of(data.decode(image) for image in crops.images)
    unknown = np.full(len(crops), kind or "manipulated")
    methods = unknown if kind else crops.columns.get("method", unknown)
    column = "face_px" if "face_px" in crops.columns else "orig_face_px"
    return Scored(
        logits=to_logits(p_fake),
        fake=crops.fake,
        people=crops.identities.astype(str),
        kinds=np.where(crops.fake, methods, "genuine"),
        treatments=np.full(len(crops), AS_IT_IS),
        sharpness=sharp,
        sizes_px=crops.numbers(column, np.nan),
    )


def sharpness_of(pictures: Iterable[data.Uint8]) -> NDArray[np.float32]:
    """Of each picture, float32 [N] in 0..1."""
    return np.array([sharpness(picture) for picture in pictures], np.float32)


def _in_turn(crops: data.Crops, names: list[str]) -> NDArray[Any]:
    """The name of the treatment of each crop, str [N]; people begin with another one each."""
    _, people = np.unique(crops.identities, return_inverse=True)
    seen: dict[tuple[int, bool], int] = {}
    chosen = []
    for person, fake in zip(people.tolist(), crops.fake.tolist(), strict=True):
        seen[person, fake] = number = seen.get((person, fake), person - 1) + 1
        chosen.append(names[number % len(names)])
    return np.array(chosen)


def fewer(crops: data.Crops, most: int = MOST) -> data.Crops:
    """At most `most` crops of each person and label, evenly drawn."""
    found: dict[tuple[str, bool], list[int]] = {}
    for index, key in enumerate(zip(crops.identities, crops.fake.tolist(), strict=True)):
        found.setdefault(key, []).append(index)
    chosen = [
        indices[i]
        for indices in found.values()
        for i in np.unique(np.linspace(0, len(indices) - 1, most).astype(int))
    ]
    return crops.take(np.array(sorted(chosen), np.intp))


Draw = Callable[[np.random.Generator], NDArray[np.intp]]


def one_each(scored: Scored) -> Draw:
    """Draws the index of one crop of each person with each label."""
    keys = [f"{fake} {person}" for fake, person in zip(scored.fake, scored.people, strict=True)]
    _, at = np.unique(keys, return_inverse=True)
    groups = [np.flatnonzero(at == number) for number in range(at.max() + 1)]
    return lambda rng: np.array([rng.choice(group) for group in groups], np.intp)
