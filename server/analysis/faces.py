"""The faces of a picture and their landmarks: the MTCNN cascade of three networks.

Zhang et al. 2016 (arXiv 1604.02878), computed as the `mtcnn` package 1.0.0 computes it, whose
weights these are, so that both find the same faces.
"""

from __future__ import annotations

import logging
import math
from functools import partial

import numpy as np

from models import registry
from models.pyramid import SMALLEST_PX
from server.analysis import boxes
from server.analysis.cascade import (
    at_once,
    best_first,
    extract_patches,
    in_batches,
    landmarks,
    level_by_level,
    nms_nongreedy,
    regress,
    shrink,
    to_square,
    windows,
)
from server.analysis.records import DetectorUse, Faces, Float32, Uint8
from server.analysis.runtimes.base import Networks, RuntimeFailed
from server.analysis.runtimes.tflite import TfliteRuntime
from server.errors import ModelError

RNET_PX, ONET_PX = 24, 48
THRESHOLDS = (0.6, 0.7, 0.8)  # the least probability of a face after each network
# How much two finds may share before the worse one goes: within a level of the pyramid, and later.
LEVEL_OVERLAP, OVERLAP = 0.5, 0.7
# Each size of batch costs an interpreter. The R-Net sees dozens of windows a frame, the O-Net one
# or two a face.
RNET_BATCHES, ONET_BATCHES = (16, 4, 1), (4, 2, 1)

log = logging.getLogger(__name__)


class FaceFinder:
    """Finds faces in pictures uint8 RGB [H, W, 3] of any size. Threads may share it."""

    def __init__(
        self,
        min_face_px: int = 40,
        thresholds: tuple[float, float, float] = THRESHOLDS,
        networks: Networks | None = None,
    ) -> None:
        """`min_face_px`: the longer side of the smallest face to report; at 20 and below all that
        the networks find, which begins at about that size. `thresholds`: the least probability of
        a face after each network. `networks`: what runs them; None, or where that fails: TFLite.

        Raises ModelError if a network is missing or damaged, or no TFLite runtime is installed.
        """
        self._min_face_px = min_face_px
        self._logits = [math.log(p / (1 - p)) for p in thresholds]
        try:
            self._spec = registry.spec("mtcnn")
        except registry.RegistryError as error:
            raise ModelError(str(error)) from error
        self.use = DetectorUse(self._spec.name, self._spec.sha256)
        if networks is None:
            self._use_tflite()
        else:
            self._answers = partial(at_once, networks.open("proposals"))
            self._rnet, self._onet = networks.open("rnet").run, networks.open("onet").run

    def _use_tflite(self) -> None:
        try:
            paths = [self._spec.file(network) for network in ("pnet", "rnet", "onet")]
        except registry.RegistryError as error:
            raise ModelError(str(error)) from error
        pnet, rnet, onet = (TfliteRuntime(path) for path in paths)
        self._answers = partial(level_by_level, pnet)
        self._rnet = partial(in_batches, rnet, sizes=RNET_BATCHES, columns=5)
        self._onet = partial(in_batches, onet, sizes=ONET_BATCHES, columns=15)

    def find(self, rgb: Uint8, least_px: float = 0.0) -> Faces:
        """The faces in `rgb`, best first; `Faces.none()` where there is none.

        Boxes lie within the picture; landmarks may lie outside it. Faces smaller than `least_px`
        need not be found.
        """
        try:
            return self._find(rgb, least_px)
        except RuntimeFailed as failure:
            log.warning("faces are found on TFLite from here on: %s", failure)
            self._use_tflite()
            return self._find(rgb, least_px)

    def _find(self, rgb: Uint8, least_px: float) -> Faces:
        # 1. Shrink the picture until the smallest wanted face has the smallest size found.
        picture = shrink(rgb, SMALLEST_PX / self._min_face_px)
        # 2. Look at every window of every size (P-Net).
        rows = self._propose(picture, least_px * picture.shape[0] / rgb.shape[0])
        # 3. Look closer at those that may hold a face (R-Net).
        rows = self._refine(picture, rows)
        # 4. And closer still, for the last word and the landmarks (O-Net).
        rows = self._finish(picture, rows)
        # 5. Go back to the pixels of the picture that was given.
        faces = to_faces(rows, picture.shape, rgb.shape)
        # 6. Leave out what came out smaller than wanted, if more than the smallest size is.
        return at_least(faces, self._min_face_px if self._min_face_px > SMALLEST_PX else 0)

    def _propose(self, picture: Float32, least_px: float) -> Float32:
        found = [np.empty((0, 5), np.float32)]
        for scale, answer in self._answers(picture, least_px):
            found.append(nms_nongreedy(windows(answer, scale, self._logits[0]), LEVEL_OVERLAP))
        return to_square(nms_nongreedy(best_first(np.concatenate(found)), OVERLAP))

    def _refine(self, picture: Float32, rows: Float32) -> Float32:
        answers = self._rnet(extract_patches(picture, rows, RNET_PX))
        likely = answers[:, 4] > self._logits[1]
        rows = regress(rows[likely], answers[likely])
        return to_square(nms_nongreedy(best_first(rows), OVERLAP))

    def _finish(self, picture: Float32, rows: Float32) -> Float32:
        answers = self._onet(extract_patches(picture, rows, ONET_PX))
        likely = answers[:, 4] > self._logits[2]
        rows, answers = rows[likely], answers[likely]
        rows = np.concatenate([regress(rows, answers), landmarks(rows, answers)], axis=1)
        return nms_nongreedy(best_first(rows), OVERLAP, of="smaller")


def to_faces(rows: Float32, found_in: tuple[int, ...], given: tuple[int, ...]) -> Faces:
    """Rows [N, 15] in a picture of shape `found_in` as faces in one of shape `given`."""
    scale = np.array([given[1] / found_in[1], given[0] / found_in[0]], np.float32)
    edge = np.array([given[1] - 1, given[0] - 1] * 2, np.float32)
    return Faces(
        boxes=np.clip(rows[:, :4] * np.tile(scale, 2), 0, edge),
        scores=np.asarray(1 / (1 + np.exp(-rows[:, 4])), np.float32),
        landmarks=np.stack([rows[:, 5:10], rows[:, 10:15]], axis=2) * scale,
    )


def at_least(faces: Faces, side_px: float) -> Faces:
    """The faces whose longer side is at least `side_px`."""
    large = boxes.sides(faces.boxes) >= side_px
    return Faces(faces.boxes[large], faces.scores[large], faces.landmarks[large])
