"""Which pixels of a face are changed: hulls of its points, bent and softened at the edge.

Hulls as in Face X-ray (Li et al., CVPR 2020) and "Detecting Deepfakes with Self-Blended Images"
(Shiohara & Yamasaki, CVPR 2022), with the numbers of the latter, over 468 points instead of 81.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.crops import SIDE_PX

Float32 = NDArray[np.float32]
Hull = Callable[[Float32, np.random.Generator], Float32]  # points [468, 2] to those it is around

# Numbers of MediaPipe's mesh.
TOP, CHIN = 10, 152  # of the face's outline, on its middle line
OUTLINE = np.array([
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
])  # fmt: skip
BROWS = np.array([70, 63, 105, 66, 107, 336, 296, 334, 293, 300])  # their upper edges
EYES = np.array([33, 159, 133, 145, 362, 386, 263, 374])  # corners and lids

RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)  # of a blend at its strongest
KERNELS_PX = np.arange(5, 26, 2)
SIGMAS_PX = (5.0, 45.0)  # of the second blur: nearly a box
BEND_PX = 1.16  # what an elastic field of strength 50 and width 7 px comes to
BEND_WIDTH_PX = 7
CELL_PX = 4  # the field is smooth, so it is drawn this coarse
LEAST_AREA = 0.02  # of the picture


def height_px(points: Float32) -> float:
    """From the top of the forehead to the chin."""
    return float(np.linalg.norm(points[CHIN] - points[TOP]))


def depths(points: Float32) -> Float32:
    """How far down the face each point lies, float32 [468]: 0 at the top, 1 at the chin."""
    down = points[CHIN] - points[TOP]
    return np.asarray((points - points[TOP]) @ down / max(1e-6, float(down @ down)), np.float32)


def filled(points: Float32) -> Float32:
    """The hard mask of the convex hull around `points` px, float32 [SIDE_PX, SIDE_PX]."""
    mask = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points).astype(np.int32)), 1.0)
    return mask


def whole(points: Float32, rng: np.random.Generator) -> Float32:
    del rng
    return points


def below_forehead(points: Float32, rng: np.random.Generator) -> Float32:
    brows = depths(points)[BROWS].min()
    return points[depths(points) >= brows - float(rng.uniform(0, 0.08))]


def within_outline(points: Float32, rng: np.random.Generator) -> Float32:
    """The jaw-line and the temples stay as they were."""
    middle = points[OUTLINE].mean(axis=0)
    return middle + (points - middle) * np.float32(rng.uniform(0.7, 0.92))


def below_brows(points: Float32, rng: np.random.Generator) -> Float32:
    eyes = depths(points)[EYES].min()
    return points[depths(points) >= eyes - float(rng.uniform(0, 0.03))]


def lower_half(points: Float32, rng: np.random.Generator) -> Float32:
    return points[depths(points) >= float(rng.uniform(0.45, 0.65))]


def mouth_and_jaw(points: Float32, rng: np.random.Generator) -> Float32:
    lower = points[depths(points) >= float(rng.uniform(0.45, 0.55))]
    middle = lower.mean(axis=0)
    return middle + (lower - middle) * np.float32(rng.uniform(0.8, 1.1))


def eyes(points: Float32, rng: np.random.Generator) -> Float32:
    depth = depths(points)
    low = depth[EYES].max() + float(rng.uniform(0.0, 0.08))
    inner = np.ones(len(points), bool)
    inner[OUTLINE] = False
    return points[inner & (depth >= depth[BROWS].min()) & (depth <= low)]


def some(points: Float32, rng: np.random.Generator) -> Float32:
    """Any part: a few points at random, from near each other or from all over the face."""
    count = int(rng.integers(6, 30))
    if rng.random() < 0.5:
        return points[rng.choice(len(points), count, replace=False)]
    far = np.linalg.norm(points - points[rng.integers(len(points))], axis=1)
    near = np.argsort(far)[: len(points) // int(rng.integers(2, 6))]
    return points[rng.choice(near, count, replace=False)]


HULLS: dict[Hull, float] = {  # and how often each is drawn
    whole: 0.28,
    below_forehead: 0.22,
    within_outline: 0.14,
    below_brows: 0.1,
    lower_half: 0.06,
    mouth_and_jaw: 0.04,
    eyes: 0.06,
    some: 0.1,
}
FACES: tuple[Hull, ...] = (whole, below_forehead, within_outline, below_brows)  # no mere parts


def hard(
    points: Float32, rng: np.random.Generator, kinds: Collection[Hull] = tuple(HULLS)
) -> Float32:
    """The mask of one of `kinds`, float32 [SIDE_PX, SIDE_PX] of 0 and 1; the whole face where that
    would hardly be seen."""
    weights = np.array([HULLS[kind] for kind in kinds])
    chosen = [*kinds][int(rng.choice(len(weights), p=weights / weights.sum()))]
    mask = filled(chosen(points, rng))
    return mask if mask.mean() >= LEAST_AREA else filled(points)


def bent(mask: Float32, rng: np.random.Generator) -> Float32:
    """By a smooth random field (elastic: Simard et al. 2003)."""
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    dx, dy = (wobble(BEND_PX, BEND_WIDTH_PX, rng) for _ in range(2))
    edge = cv2.BORDER_REPLICATE  # a hull that the picture cuts ends at the picture's edge
    return np.asarray(cv2.remap(mask, x + dx, y + dy, cv2.INTER_LINEAR, None, edge), np.float32)


def wobble(strength_px: float, width_px: float, rng: np.random.Generator) -> Float32:
    """A smooth random field float32 [SIDE_PX, SIDE_PX] of that standard deviation."""
    cells, sigma = SIDE_PX // CELL_PX, width_px / CELL_PX
    noise = rng.standard_normal((cells, cells), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma) * np.float32(2 * np.sqrt(np.pi) * sigma)
    large = cv2.resize(smooth * np.float32(strength_px), (SIDE_PX, SIDE_PX))
    return np.asarray(large, np.float32)


def soft(mask: Float32, rng: np.random.Generator) -> Float32:
    """Without a hard edge: blurred, cut to what is still whole, blurred again; 1 at its most."""
    first, second = (int(rng.choice(KERNELS_PX)) for _ in range(2))
    inner = cv2.GaussianBlur(mask, (first, first), 0)
    inner = np.where(inner < 0.999, np.float32(0), np.float32(1))
    if not inner.any():  # a part too small for this blur
        inner = mask
    edge = cv2.GaussianBlur(inner, (second, second), float(rng.uniform(*SIGMAS_PX)))
    return np.asarray(np.clip(edge / max(1e-6, float(edge.max())), 0, 1), np.float32)
