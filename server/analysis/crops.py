"""Which pictures of a face are worth scoring: how good each one is, and a bounded, spread choice.

The measures are relative to what the classifier needs, not to beauty: all are in 0..1, higher is
better, and the verdict names the one that failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from server.analysis.records import Float32, Uint8

SHARPNESS_PX = 128  # crops are compared at one size, or larger ones would seem sharper
# The ratio at which sharpness is 0.5. On DFDC validation crops the median sharpness is 0.86, and
# 0.24 after a blur of 5 px of 224 (test_measured.py).
SHARPNESS_HALF = 0.01
FRONTAL_EYES = 0.6  # the eyes' distance in front, in distances from the eyes to the mouth


@dataclass(frozen=True, slots=True)
class Crop:
    """One cut-out face, uint8 [S, S, 3], and how good it is; all measures in 0..1 but `size_px`."""

    time_s: float
    rgb: Uint8
    sharpness: float
    frontality: float
    size_px: float

    @property
    def quality(self) -> float:
        """The geometric mean of size (full at the crop's own side), sharpness and frontality."""
        size = min(1.0, self.size_px / self.rgb.shape[0])
        return float((size * self.sharpness * self.frontality) ** (1 / 3))


def sharpness(rgb: Uint8) -> float:
    """How much fine detail a crop uint8 [S, S, 3] has, 0 to 1.

    The variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield
    microscopy"), over the variance of the light itself so that a dim picture may be sharp too.
    """
    size = (SHARPNESS_PX, SHARPNESS_PX)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    ratio = float(cv2.Laplacian(grey, cv2.CV_32F).var() / (grey.var() + 1))
    return ratio / (ratio + SHARPNESS_HALF)


def frontality(landmarks: Float32) -> float:
    """How far a face looks towards the camera, from float32 [5, 2]: 1 frontal, 0 profile.

    Turning the head moves the nose's tip from the middle between the eyes towards one of them, and
    past it in profile. Measured along the eyes' line, so that a tilted head counts as frontal. A
    profile's eyes also draw together: their distance is about that from eyes to mouth in front.
    """
    left_eye, right_eye, nose, left_mouth, right_mouth = landmarks.astype(np.float64)
    line, middle = right_eye - left_eye, (left_eye + right_eye) / 2
    distance = float(np.linalg.norm(line))
    height = float(np.linalg.norm((left_mouth + right_mouth) / 2 - middle))
    if distance < 1 or height < 1:
        return 0.0
    offset = abs(float((nose - middle) @ line)) / (distance / 2) / distance
    spread = min(1.0, distance / height / FRONTAL_EYES)
    return max(0.0, 1 - offset) * spread


class CropChoice:
    """At most `most` crops of one face, good ones, spread over the time it was seen.

    When there is one too many, the two closest in time compete and the worse one goes: the gaps
    stay even without knowing how long the face will be seen, so that a manipulation in a part of
    the clip leaves its traces, and memory stays bounded.
    """

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self._crops: list[Crop] = []

    def add(self, crop: Crop) -> None:
        """`crop` must be later than those before it."""
        self._crops.append(crop)
        if len(self._crops) > self._most:
            self._drop_one()

    def _drop_one(self) -> None:
        times = np.array([crop.time_s for crop in self._crops])
        first = int(np.argmin(np.diff(times)))
        worse = min((first, first + 1), key=lambda index: self._crops[index].quality)
        del self._crops[worse]

    def __len__(self) -> int:
        return len(self._crops)

    def __iter__(self) -> Iterator[Crop]:
        return iter(self._crops)
