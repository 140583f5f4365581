"""Which face of this picture is which person of the last: costs of every pair, and their best
assignment as a whole. Pure functions; P people, F faces."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocess import face_crop
from server.analysis.records import Float32, Float64, Uint8

# How far a face may be from where it was expected, in face sizes, and how much it may have grown:
# at once, and more with each second. Someone who walks past the camera moves by 2.7 sizes between
# two samples; once it is known where they were heading, they are found much closer to that.
REACH, REACH_MOST = 1.0, 4.0
REACH_PER_S, REACH_PER_S_HEADING = 5.0, 1.0
GROWTH, GROWTH_PER_S, GROWTH_MOST = 1.5, 0.5, 2.5
# The distance of two looks that counts against one person as much as a move to the end of reach.
# In our clips it is below 0.82 for 90 % of the pairs of one person's pictures up to 1.7 s apart,
# and above 1.23 for 95 % of the pairs of two people in one picture (test_measured.py).
SAME_LOOK = 1.2
# A turned head or a hand before the face can look like anybody, so that no look alone rules out
# that it is who was in the same place a moment ago.
MOST_UNLIKE = 1.25
MOST_COST = 2.0  # of the two squares together; from there on it is someone else
LOOK_AROUND = 1.8  # of the crop's side: hair, neck and collar tell people apart better than faces


@dataclass(frozen=True, slots=True)
class Expected:
    """Where P people should be by now: the middles [P, 2] px and sizes [P] px of their faces, both
    float32; how long ago that was seen, float32 [P] s; whether a heading is known, bool [P]."""

    middle: Float32
    size_px: Float32
    age_s: Float32
    heading_known: NDArray[np.bool_]


def appearance(rgb: Uint8, landmarks: Float32) -> Float32:
    """What a face [5, 2] px and its surroundings look like, float32 [96], to compare by distance.

    A coarse picture (8 x 8) of the lightness, freed of exposure and contrast, and a coarser one
    (4 x 4) of the two chroma channels; each part is scaled to matter about equally.
    """
    middle = landmarks.mean(axis=0)
    around = ((landmarks - middle) * np.float32(LOOK_AROUND) + middle).astype(np.float32)
    try:
        crop = face_crop(rgb, around, 32)
    except ValueError:  # wholly outside the picture: resembles nothing in particular
        return np.zeros(96, np.float32)
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB).astype(np.float32)
    light = (lab[..., 0] - lab[..., 0].mean()) / (lab[..., 0].std() + 1)
    light = cv2.resize(light, (8, 8), interpolation=cv2.INTER_AREA)
    chroma = cv2.resize(lab[..., 1:], (4, 4), interpolation=cv2.INTER_AREA) - 128
    parts = [light.ravel() / 8, chroma.ravel() / (5 * np.sqrt(32))]
    return np.concatenate(parts).astype(np.float32)


def motion_cost(people: Expected, middle: Float32, face_px: Float32) -> Float32:
    """How much of the allowed movement each pair would need, float32 [P, F]; above 1 is too much.

    `middle` [F, 2] px and `face_px` [F] are where the faces are and how large.
    """
    apart = np.linalg.norm(people.middle[:, None] - middle[None], axis=2)
    size = np.sqrt(people.size_px[:, None] * face_px[None])
    speed = np.where(people.heading_known, REACH_PER_S_HEADING, REACH_PER_S)
    reach = np.minimum(REACH + speed * people.age_s, REACH_MOST)[:, None]
    growth = np.abs(np.log(face_px[None] / people.size_px[:, None]))
    growing = np.log(np.minimum(GROWTH + GROWTH_PER_S * people.age_s, GROWTH_MOST))[:, None]
    return np.asarray(np.maximum(apart / size / reach, growth / growing), np.float32)


def appearance_cost(people: Float32, faces: Float32) -> Float32:
    """Distances of looks [P, 96] and [F, 96] in units of SAME_LOOK, capped, float32 [P, F]."""
    apart = np.linalg.norm(people[:, None] - faces[None], axis=2)
    return np.asarray(np.minimum(apart / SAME_LOOK, MOST_UNLIKE), np.float32)


def assign(costs: Float32 | Float64, most: float) -> list[tuple[int, int]]:
    """The pairs (row, column) of the cheapest assignment; no pair costs `most` or more.

    Leaving a row and a column unpaired costs `most`. Exact: pairing is a transport of unit masses,
    which OpenCV's earth mover's distance solves by the simplex method.
    """
    if 0 in costs.shape:
        return []
    capped = np.minimum(np.nan_to_num(costs, nan=most), most).astype(np.float32)
    rows, columns = (np.ones((n, 1), np.float32) for n in capped.shape)
    _, _, flow = cv2.EMD(rows, columns, cv2.DIST_USER, cost=capped)
    pairs = np.argwhere((np.asarray(flow) > 0.5) & (capped < most))
    return [(int(row), int(column)) for row, column in pairs]
