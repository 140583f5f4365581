"""The kinds of fakes, how often each is drawn, and the draw."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from training.forgery.blends import cross_blend, self_blend
from training.forgery.generator import generated_face, generated_picture
from training.forgery.landmarks import Faces
from training.forgery.pair import Forgery
from training.forgery.reconstruction import EVERY, reconstructed_face, reconstructed_picture
from training.forgery.reenact import reenactment
from training.forgery.swap import face_swap

Make = Callable[[Faces, int, np.random.Generator], Forgery]


@dataclass(frozen=True, slots=True)
class Kind:
    """`whole`: all of the picture was made anew, so that there is no blending to find. `every`: of
    so many faces one is used."""

    make: Make
    weight: float
    whole: bool = False
    every: int = 1

    def face(self, i: int) -> int:
        """The face that is used for face `i`: itself, or the last one before it that is."""
        return i - i % self.every


KINDS: dict[str, Kind] = {
    "self-blend": Kind(self_blend, 5),
    "cross-blend": Kind(cross_blend, 2),
    "face-swap": Kind(face_swap, 2),
    "reenactment": Kind(reenactment, 1),
    "generated-face": Kind(generated_face, 1),
    "reconstructed-face": Kind(reconstructed_face, 2, every=EVERY),
    "generated-picture": Kind(generated_picture, 1, whole=True),
    "reconstructed-picture": Kind(reconstructed_picture, 2, whole=True, every=EVERY),
}
BLENDED = tuple(name for name, kind in KINDS.items() if not kind.whole)
GENERATED = tuple(name for name, kind in KINDS.items() if kind.whole)


def draw(
    faces: Faces,
    rng: np.random.Generator,
    kinds: Collection[str] = BLENDED,
    without: Collection[str] = (),
) -> tuple[str, Forgery]:
    """One of `kinds` by its weight, made of one of the faces; never of a kind in `without`.

    Raises ValueError if no kind is left, or one is unknown.
    """
    if unknown := {*kinds, *without} - KINDS.keys():
        raise ValueError(f"no kind is called {', '.join(sorted(unknown))}; known: {[*KINDS]}")
    names = [name for name in KINDS if name in kinds and name not in without]
    if not names:
        raise ValueError("no kind of fakes is left to draw")
    weights = np.array([KINDS[name].weight for name in names])
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    kind = KINDS[name]
    return name, kind.make(faces, kind.face(int(rng.integers(len(faces)))), rng)
