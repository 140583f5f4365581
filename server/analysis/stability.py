"""Whether a verdict survives what a picture goes through on its way: it must not hang on a pixel.

Every picture is coded again, scaled and framed a little differently between one site and the next.
If one of those turns a face's evidence to the other side of 0.5, its label said more about the file
than about the face.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from models.preprocess import resize
from server.analysis.evidence import to_logits
from server.analysis.records import Float32, Uint8

MOST_CROPS = 8  # of a face, which bounds the cost: three changes of each
JPEG_QUALITY = 70
SCALE = 0.85
SHIFT = 0.03  # of the crop's side

Score = Callable[[Uint8], Float32]  # crops uint8 [K, S, S, 3] to P(fake) float32 [K]


def is_stable(
    crops: Uint8, p_fake: Float32, quality: Float32, label_is_fake: bool, score: Score
) -> bool:
    """False if a change turns the mean of the best crops that carry the label to the other side.

    `crops` uint8 [K, S, S, 3] with their `p_fake` and `quality`, float32 [K].
    """
    carrying = np.flatnonzero((p_fake >= 0.5) == label_is_fake)
    best = carrying[np.argsort(-quality[carrying], kind="stable")][:MOST_CROPS]
    if not len(best):
        return False
    for change in CHANGES:
        changed = np.stack([change(crop) for crop in crops[best]])
        if (to_logits(score(changed)).mean() >= 0) != label_is_fake:
            return False
    return True


def encoded_again(rgb: Uint8) -> Uint8:
    """`rgb` uint8 [S, S, 3] after one more JPEG."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, file = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def scaled(rgb: Uint8) -> Uint8:
    """`rgb` made smaller and larger again."""
    side = rgb.shape[0]
    return resize(resize(rgb, round(side * SCALE)), side)


def shifted(rgb: Uint8) -> Uint8:
    """`rgb` framed a little further up and to the left; the edge is repeated."""
    step = max(1, round(rgb.shape[0] * SHIFT))
    return np.pad(rgb, ((step, 0), (step, 0), (0, 0)), mode="edge")[:-step, :-step].copy()


CHANGES = (encoded_again, scaled, shifted)
