"""Whose face goes well with whose: other people of like shape and light."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

Float32 = NDArray[np.float32]

ALIKE = 12  # donors to choose from, the nearest of other people
SHAPE = 20.0  # of landmarks relative to the face's size, against light of 0..1: both matter alike


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
