"""From a picture with a found face to what a network is fed: the one copy that serving, training
and calibration share."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# The crop's side, in units of hypot(eye distance, eye-to-mouth distance), and its centre, half-way
# between eyes and mouth: this reproduces the framing of the DFDC training crops (median over 197
# of them: 1.66; 8.6 % spread), whose own margin is not documented.
SIDE_PER_FACE = 1.66


def face_crop(
    rgb: NDArray[np.uint8], landmarks: NDArray[np.float32], side_px: int
) -> NDArray[np.uint8]:
    """Cut the face out of `rgb` uint8 [H, W, 3] as uint8 [side_px, side_px, 3].

    `landmarks` float32 [5, 2] px: left eye, right eye, nose, left and right mouth corner. Upright,
    not rotated, since the training crops are not. What lies outside the picture repeats its edge.
    """
    x, y, side = face_square(landmarks)
    height, width = rgb.shape[:2]
    inside = rgb[max(0, y) : max(0, y + side), max(0, x) : max(0, x + side)]
    if inside.size == 0:
        raise ValueError("the landmarks lie outside the picture")
    padding = (max(0, -y), max(0, y + side - height), max(0, -x), max(0, x + side - width))
    if any(padding):
        inside = np.asarray(
            cv2.copyMakeBorder(inside, *padding, borderType=cv2.BORDER_REPLICATE), np.uint8
        )
    return resize(inside, side_px)


def face_square(landmarks: NDArray[np.float32]) -> tuple[int, int, int]:
    """What face_crop() cuts out: left and top edge and side in px; it may reach outside."""
    left_eye, right_eye, _, left_mouth, right_mouth = landmarks.astype(np.float64)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    spread = np.hypot(np.linalg.norm(right_eye - left_eye), np.linalg.norm(mouth - eyes))
    side = max(2, round(SIDE_PER_FACE * float(spread)))
    x, y = np.round((eyes + mouth) / 2 - side / 2)
    return int(x), int(y), side


def resize(rgb: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Scale a square picture: by area when it shrinks (no aliasing), linearly when it grows."""
    how = cv2.INTER_AREA if rgb.shape[0] > side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (side_px, side_px), interpolation=how), np.uint8)


def to_input(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [K, S, S, 3] to float32 [K, S, S, 3] in -1..1, which every classifier here expects."""
    return crops.astype(np.float32) / np.float32(127.5) - np.float32(1)
