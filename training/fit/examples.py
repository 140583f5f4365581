"""Pairs to learn from, one source a class: each draws a real and a fake, and what is known of both.

A pair is at the crop's own resolution, and untreated: batches.py does to both alike what a way to a
browser does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.multihead import KINDS
from training.data import crops as data
from training.fit.losses import UNKNOWN
from training.forgery import kinds as forgeries
from training.forgery.landmarks import Faces, picture

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Example:
    """A real and a fake, uint8 [S, S, 3]; what the fake is, by the index of its kind in KINDS; how
    much of it; and where, float32 [S, S] in 0..1, None where nobody can tell."""

    real: Uint8
    fake: Uint8
    kind: int
    share: float = 1.0
    mask: Float32 | None = None

    def labels(self, smoothing: float) -> Float32:
        """Float32 [2, K]: the real is of no kind, the fake of its own; of others nothing is known.

        Smoothing keeps a network from being certain of labels that are sometimes wrong.
        """
        labels = np.full((2, len(KINDS)), UNKNOWN, np.float32)
        labels[0] = smoothing / 2
        labels[1, self.kind] = self.share * (1 - smoothing) + smoothing / 2
        return labels


class Source(Protocol):
    def draw(self, rng: np.random.Generator) -> Example: ...


@dataclass(frozen=True, slots=True)
class Deepfakes:
    """Reals and the deepfakes that were made of them (DFDC). Some are mixed with their real, with
    the share as the label (NtechLab's entry to the challenge of 2020). Of others only a part is
    false, at least the share `least` of what was changed: both pictures are of one moment, so that
    the seam is faint, and few actors give many fakes."""

    crops: data.Crops
    mixed: float = 0.3
    partial: float = 0.0
    least: float = 0.25
    pairs: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pairs", self.crops.pairs())

    def draw(self, rng: np.random.Generator) -> Example:
        real, fake = (
            picture(self.crops.images[i]) for i in self.pairs[int(rng.integers(len(self.pairs)))]
        )
        mask = changed(real, fake)
        if rng.random() < self.partial:
            part = _part(rng, real.shape[0])
            if (mask * part).sum() > self.least * mask.sum():
                mixture = real + part[..., None] * (fake.astype(np.float32) - real)
                fake, mask = np.rint(mixture).astype(np.uint8), mask * part
        share = float(rng.beta(0.5, 0.5)) if rng.random() < self.mixed else 1.0
        if share < 1:
            fake = np.asarray(cv2.addWeighted(fake, share, real, 1 - share, 0), np.uint8)
        return Example(real, fake, KINDS.index("swap"), share, mask * np.float32(share))


def _part(rng: np.random.Generator, side: int) -> Float32:
    """A half of the crop, or a box in it, with a soft edge: float32 [S, S] in 0..1."""
    part = np.zeros((side, side), np.float32)
    if rng.random() < 0.5:
        angle, past = rng.uniform(0, 2 * np.pi), rng.normal(0, side / 8)
        y, x = np.mgrid[:side, :side].astype(np.float32) - np.float32(side / 2)
        part[x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) > past] = 1
    else:
        height, width = (int(v) for v in rng.uniform(side / 4, side / 1.5, 2))
        top, left = int(rng.integers(0, side - height)), int(rng.integers(0, side - width))
        part[top : top + height, left : left + width] = 1
    return np.asarray(cv2.GaussianBlur(part, (0, 0), float(rng.uniform(2, side / 20))))


def changed(real: Uint8, fake: Uint8) -> Float32:
    """Where a deepfake differs from its real by more than compression does, float32 [S, S]."""
    difference = cv2.absdiff(real, fake).max(axis=2).astype(np.float32)
    smooth = cv2.GaussianBlur(difference, (0, 0), real.shape[0] / 56)
    return np.asarray(np.clip((smooth - 6) / 12, 0, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Forgeries:
    """Fakes of our own, made of reals while a network trains; `without` names kinds never made."""

    faces: Faces
    kinds: tuple[str, ...] = forgeries.BLENDED
    without: tuple[str, ...] = ()

    def draw(self, rng: np.random.Generator) -> Example:
        name, made = forgeries.draw(self.faces, rng, self.kinds, self.without)
        if forgeries.KINDS[name].whole:
            return Example(made.real, made.fake, KINDS.index("generated"))
        return Example(made.real, made.fake, KINDS.index("blend"), mask=made.mask)


@dataclass(frozen=True, slots=True)
class Strangers:
    """Reals and fakes of one collection that were not made of each other."""

    crops: data.Crops
    head: str
    reals: NDArray[np.intp] = field(init=False)
    fakes: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reals", np.flatnonzero(~self.crops.fake))
        object.__setattr__(self, "fakes", np.flatnonzero(self.crops.fake))

    def draw(self, rng: np.random.Generator) -> Example:
        real, fake = (
            picture(self.crops.images[int(rng.choice(among))]) for among in (self.reals, self.fakes)
        )
        return Example(real, fake, KINDS.index(self.head))
