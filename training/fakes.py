"""Fakes of our own, made from reals alone while a network trains: they carry no method's mark.

A self-blend (selfblend.py), or a region swap: a part of the face of another person who looks alike,
laid over the same part of this one. `Reals.pair` gives a real and one such fake of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from tqdm import tqdm

from models.preprocess import resize
from server.analysis.faces import FaceFinder
from training.data import crops as data
from training.selfblend import PARTS, Blend, Part, deformed, oval, self_blend, soft

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

WHOLE = 0.5  # share of fakes in which the whole face is changed; else one part
SWAPS = 0.35  # share of region swaps
ALIKE = 12  # donors to choose from, the nearest of other people
SHAPE = 20.0  # of landmarks relative to the face's size, against light of 0..1: both matter alike
RATIOS = (0.75, 1.0, 1.0)  # of a swap at its strongest
SIDE_PX = 224  # pictures of other sizes are scaled to this, so that parts can change places


@dataclass(frozen=True, slots=True)
class Reals:
    """N encoded reals with a face each: `landmarks` float32 [N, 5, 2] px at SIDE_PX, `donors` int
    [N, ALIKE], the faces that look most alike of other people."""

    images: tuple[bytes, ...]
    landmarks: Float32
    donors: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.images)

    def pair(self, rng: np.random.Generator) -> tuple[Uint8, Uint8]:
        """A real and a fake made of it, uint8 [SIDE_PX, SIDE_PX, 3] each."""
        i = int(rng.integers(len(self)))
        part = "face" if rng.random() < WHOLE else PARTS[int(rng.integers(len(PARTS)))]
        seed, swaps = int(rng.integers(2**32)), rng.random() < SWAPS
        rgb = _picture(self.images[i])
        if not swaps:
            return rgb, self_blend(rgb, self.landmarks[i], seed, part).rgb
        donor = int(rng.choice(self.donors[i]))
        given = (_picture(self.images[donor]), self.landmarks[donor])
        return rgb, region_swap((rgb, self.landmarks[i]), given, seed, part).rgb


def reals(crops: data.Crops, cache: Path) -> Reals:
    """The reals of `crops` in which a face is found. What was found is kept in the folder `cache`.

    Raises ValueError if there are too few to find look-alikes among.
    """
    chosen = crops.take(np.flatnonzero(~crops.fake))
    digest = hashlib.sha256(b"".join(chosen.images)).hexdigest()[:12]  # names recur elsewhere
    path = cache / f"faces-{digest}.npz"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        found, landmarks, light = _faces(chosen)
        part = path.with_suffix(".part.npz")  # whole or not at all: a run may be stopped
        np.savez(part, found=found, landmarks=landmarks, light=light)
        part.replace(path)
    with np.load(path) as kept:
        found, landmarks, light = kept["found"], kept["landmarks"], kept["light"]
    if len(found) <= ALIKE:
        raise ValueError(f"{len(found)} faces were found; look-alikes need more than {ALIKE}")
    people = chosen.identities[found]
    images = tuple(chosen.images[i] for i in found)
    return Reals(images, landmarks, look_alikes(landmarks, light, people))


def _faces(crops: data.Crops) -> tuple[NDArray[np.intp], Float32, Float32]:
    """Which crops have a face; its landmarks; its mean colour float32 [N, 3] in 0..1."""
    finder = FaceFinder()
    found, landmarks, light = [], [], []
    for i in tqdm(range(len(crops)), desc="faces", unit="crop", mininterval=1):
        rgb = _picture(crops.images[i])
        faces = finder.find(rgb)
        if len(faces):
            mask = oval(faces.landmarks[0], SIDE_PX) > 0
            found.append(i)
            landmarks.append(faces.landmarks[0])
            light.append(rgb[mask].mean(axis=0) / 255)
    shapes = np.array(landmarks, np.float32).reshape(-1, 5, 2)
    return np.array(found, np.intp), shapes, np.array(light, np.float32)


def look_alikes(landmarks: Float32, light: Float32, people: NDArray[Any]) -> NDArray[np.intp]:
    """Of each of N faces the ALIKE others that have the most similar shape and light, int
    [N, ALIKE]; of other people where there are any among the nearest."""
    centred = landmarks - landmarks.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True))
    features = np.hstack([(centred / size).reshape(len(landmarks), -1) * SHAPE, light * SHAPE / 4])
    wanted = min(8 * ALIKE, len(features))
    nearest = (
        NearestNeighbors(n_neighbors=wanted)
        .fit(features)
        .kneighbors(features, return_distance=False)
    )
    donors = []
    for i, row in enumerate(nearest):
        others = row[row != i]
        strangers = others[people[others] != people[i]]
        donors.append(np.resize(strangers if len(strangers) else others, ALIKE))
    return np.array(donors, np.intp)


def region_swap(
    face: tuple[Uint8, Float32], donor: tuple[Uint8, Float32], seed: int, part: Part = "face"
) -> Blend:
    """`face` with the `part` of `donor` laid over its own; both are uint8 [S, S, 3] with landmarks
    float32 [5, 2] px.

    The donor is moved so that its landmarks fall on the face's as well as an affine map can bring
    them there, and takes the face's mean and spread of colours within the mask.
    """
    rng = np.random.default_rng(seed)
    (rgb, landmarks), (other, marks) = face, donor
    side = rgb.shape[0]
    hard = oval(landmarks, side, part)
    mask = soft(deformed(hard, rng), rng) * np.float32(rng.choice(RATIOS))
    ones = np.ones((len(marks), 1), np.float32)
    matrix, *_ = np.linalg.lstsq(np.hstack([marks, ones]), landmarks, rcond=None)
    view = cv2.warpAffine(other, matrix.T, (side, side), borderMode=cv2.BORDER_REPLICATE)
    share = mask[..., None]
    mixed = _coloured(view, rgb, hard > 0) * share + rgb * (1 - share)
    return Blend(np.clip(np.rint(mixed), 0, 255).astype(np.uint8), mask)


def _coloured(view: Uint8, like: Uint8, where: NDArray[np.bool_]) -> Float32:
    """`view` with the mean and spread that `like` has `where` (Reinhard et al. 2001, in RGB)."""
    seen, wanted = view[where].astype(np.float32), like[where].astype(np.float32)
    scale = np.clip(wanted.std(axis=0) / (seen.std(axis=0) + 1e-3), 0.5, 2.0)
    changed = (view - seen.mean(axis=0)) * scale + wanted.mean(axis=0)
    return np.asarray(changed, np.float32)


def _picture(image: bytes) -> Uint8:
    rgb = data.decode(image)
    return rgb if rgb.shape[:2] == (SIDE_PX, SIDE_PX) else resize(rgb, SIDE_PX)
