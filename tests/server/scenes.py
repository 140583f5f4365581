"""Pictures with several faces made from the astronaut: scaled, turned, mirrored, on backgrounds."""

from __future__ import annotations

import cv2
import numpy as np

Picture = np.ndarray

HEAD = slice(0, 230), slice(110, 340)  # of skimage's astronaut: her head and some room around it


def scene(astronaut: Picture, seed: int, faces: int = 4) -> Picture:
    """A picture uint8 [H, W, 3] with up to `faces` heads of different sizes, none over another."""
    random = np.random.default_rng(seed)
    height, width = random.integers(240, 560), random.integers(320, 900)
    picture = background(random, height, width)
    for spot in range(faces):
        side = int(random.uniform(0.35, 0.95) * min(height, width // faces))
        top = int(random.integers(0, height - side + 1))
        left = spot * width // faces
        picture[top : top + side, left : left + side] = head(astronaut, random, side)
    noisy = picture + random.normal(0, random.uniform(0, 6), picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def background(random: np.random.Generator, height: int, width: int) -> Picture:
    """Plain, noise or a slope of colours, uint8 [height, width, 3]."""
    kind = random.integers(3)
    if kind == 0:
        return np.full((height, width, 3), random.integers(0, 256, 3), np.uint8)
    if kind == 1:
        coarse = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    slope = np.linspace(0, 255, width)[None, :, None] * random.uniform(0.2, 1, 3)
    return np.broadcast_to(slope, (height, width, 3)).astype(np.uint8)


def head(astronaut: Picture, random: np.random.Generator, side: int) -> Picture:
    """The head, uint8 [side, side, 3], turned by up to 12 degrees, perhaps mirrored or darker."""
    cut = np.ascontiguousarray(astronaut[HEAD])
    middle, size = cut.shape[0] / 2, cut.shape[:2]
    turn = cv2.getRotationMatrix2D((middle, middle), random.uniform(-12, 12), 1)
    cut = cv2.warpAffine(cut, turn, size, borderMode=cv2.BORDER_REPLICATE)
    if random.random() < 0.5:
        cut = cut[:, ::-1]
    cut = np.clip(cut * random.uniform(0.5, 1.1), 0, 255).astype(np.uint8)
    return cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)
