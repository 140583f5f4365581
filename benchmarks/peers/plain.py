"""What is usually built: OpenCV, the mtcnn package, and Keras' predict on each picture's faces."""

from __future__ import annotations

import cv2
import keras
import numpy as np
from mtcnn import MTCNN

from models import registry
from models.preprocess import face_crop, to_input

MARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
PYRAMID_PX = 20  # the smallest face that the package finds without its defect


class Plain:
    """The networks, loaded; the classifier is the very one that we serve, before conversion."""

    def __init__(self, min_face_px: int, model: str) -> None:
        """`model`: the registered name of the classifier."""
        self._detector = MTCNN()
        self._spec = registry.spec(model)
        self._network = keras.models.load_model(self._spec.file("keras"))
        self._shrunk = PYRAMID_PX / min_face_px

    def p_fake(self, rgb: np.ndarray) -> list[float]:
        """Calibrated P(fake) of each face in `rgb` uint8 [H, W, 3]."""
        # Shrunken, so that faces of `min_face_px` are what the package finds at PYRAMID_PX.
        height, width = rgb.shape[:2]
        size = round(width * self._shrunk), round(height * self._shrunk)
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        faces = self._detector.detect_faces(small, min_face_size=PYRAMID_PX)
        crops = []
        for face in faces:
            marks = np.array([face["keypoints"][name] for name in MARKS], np.float32)
            crops.append(face_crop(rgb, marks / np.float32(self._shrunk), self._spec.input_px))
        if not crops:
            return []
        logits = self._network.predict(to_input(np.stack(crops)), verbose=0)[:, 0]
        fitted = self._spec.calibration
        return list(1 / (1 + np.exp(-(fitted.scale * logits.astype(float) + fitted.offset))))

    def label(self, p_fakes: list[float]) -> str:
        """By the mean of all faces of all pictures."""
        if not p_fakes:
            return "no-face"
        mean = float(np.mean(p_fakes))
        fitted = self._spec.calibration
        if mean >= fitted.fake_at:
            return "fake"
        return "real" if mean <= fitted.real_at else "inconclusive"
