"""What a generating network leaves: fewer pixels than the face has, and the grid of its upsampling.

The first deepfakes drew a face of 64 to 128 px and enlarged it into the picture; generators of
whole pictures enlarge by transposed convolutions, whose unequal phases stay visible in the spectrum
(Odena et al. 2016; Frank et al., ICML 2020).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocess import resize
from training.data.crops import SIDE_PX
from training.forgery import hulls, views
from training.forgery.landmarks import Faces
from training.forgery.pair import Forgery, laid_over

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

SIDES_PX = (64, 80, 96, 112, 128)  # of a generated face
MARGIN = (1.0, 1.3)  # of the square that is generated, in heights of the face
SHARPENED, SHARPENED_BY = 0.6, (0.3, 2.0)  # share of faces, and how much
GRAINY, GRAIN = 0.5, (1.0, 5.0)  # share of faces given the grain that a camera would, and how much
BEND_PX, BEND_WIDTH_PX = (0.2, 1.5), 10  # a face that is drawn anew is not quite in its place
TRANSPOSED = 0.5  # share of faces enlarged with a grid; the others smoothly
# Of transposed convolutions: how much its weights and the sums of its phases differ.
ROUGHNESS, UNEVENNESS = (0.005, 0.06), (0.0, 0.025)
PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
WHOLE_PX = (224, 224, 192, 256, 288)  # of a whole generated picture, before it is scaled to ours
DETAIL = (0.2, 0.9)  # how much of the real's finest detail a generator makes up
GRID = (0.02, 0.15)  # how unequal it is over the generator's grid


def generated_face(faces: Faces, i: int, rng: np.random.Generator) -> Forgery:
    """The face in a few pixels and back, coloured alike, laid in by a soft hull."""
    target, points = views.start(faces.picture(i), rng), faces.points[i]
    side = int(rng.choice(SIDES_PX))
    to_square = _square(points, 2 * side, rng)
    square = cv2.warpAffine(target, to_square, (2 * side, 2 * side), borderMode=cv2.BORDER_REFLECT)
    small = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
    view = _back(_enlarged(np.asarray(small, np.uint8), rng), to_square, rng)
    hull = hulls.hard(points, rng, hulls.FACES)
    view = views.matched(views.by_channel(view, 1.0, rng.uniform(-8, 8, 3)), target, hull, rng)
    mask = hulls.soft(hulls.bent(hull, rng), rng) * np.float32(rng.choice(hulls.RATIOS[2:]))
    return laid_over(view, target, mask)


def generated_picture(faces: Faces, i: int, rng: np.random.Generator) -> Forgery:
    """All of the picture drawn anew: nothing is blended, all that tells is how detail was made.

    The real is scaled as the fake is, so that resampling does not tell.
    """
    rgb, side = views.start(faces.picture(i), rng), int(rng.choice(WHOLE_PX))
    large = np.asarray(cv2.resize(rgb, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
    steps = int(rng.integers(1, 3))
    drawn = np.asarray(
        cv2.resize(large, (side >> steps, side >> steps), interpolation=cv2.INTER_AREA), np.uint8
    )
    for _ in range(steps):
        drawn = upsampled(drawn, rng)
    fake = _detailed(drawn, large, 2**steps, rng)
    real, fake = (resize(picture, SIDE_PX) for picture in (large, fake))
    return Forgery(real, fake, np.ones((SIDE_PX, SIDE_PX), np.float32))


def upsampled(rgb: Uint8, rng: np.random.Generator) -> Uint8:
    """uint8 [S, S, 3] to [2S, 2S, 3] by a transposed convolution of random weights near those of
    linear interpolation: each of its four phases has its own kernel and its own sum."""
    large = np.empty((2 * rgb.shape[0], 2 * rgb.shape[1], 3), np.uint8)
    rough, uneven = float(rng.uniform(*ROUGHNESS)), float(rng.uniform(*UNEVENNESS))
    sharp = float(rng.uniform(0, 0.12))
    for down, right in PHASES:
        near = [np.array([(0.25, 0.75, 0), (0, 0.75, 0.25)][odd]) for odd in (down, right)]
        kernel = np.outer(*near) + rng.normal(0, rough, (3, 3)) - sharp / 9
        kernel[1, 1] += sharp
        kernel *= (1 + rng.normal(0, uneven)) / kernel.sum()
        large[down::2, right::2] = cv2.filter2D(
            rgb, -1, kernel.astype(np.float32), borderType=cv2.BORDER_REFLECT
        )
    return large


def _detailed(drawn: Uint8, like: Uint8, grid: int, rng: np.random.Generator) -> Uint8:
    """`drawn` with a part of the detail that `like` has and it lost, unequal over its grid."""
    share = float(rng.uniform(*DETAIL))
    cell = share * (1 + rng.normal(0, float(rng.uniform(*GRID)), (grid, grid)))
    count = -(-drawn.shape[0] // grid)
    gain = np.tile(cell, (count, count))[: drawn.shape[0], : drawn.shape[1], None]
    lost = like.astype(np.float32) - drawn
    lost -= cv2.GaussianBlur(lost, (0, 0), grid)  # the coarse error is not detail
    full = drawn + gain.astype(np.float32) * lost
    return np.clip(np.rint(full), 0, 255).astype(np.uint8)


def _square(points: Float32, side_px: int, rng: np.random.Generator) -> Float32:
    """The map [2, 3] of the picture to a square of `side_px` that holds the face upright."""
    down = points[hulls.CHIN] - points[hulls.TOP]
    scale = side_px / (float(rng.uniform(*MARGIN)) * max(1.0, hulls.height_px(points)))
    unit = down / max(1e-6, float(np.linalg.norm(down)))
    turn = np.array([[unit[1], -unit[0]], [unit[0], unit[1]]]) * scale
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return np.hstack([turn, (side_px / 2 - turn @ middle)[:, None]]).astype(np.float32)


def _enlarged(small: Uint8, rng: np.random.Generator) -> Uint8:
    """To twice the side, sharpened or not, with grain or without."""
    if rng.random() < TRANSPOSED:
        large = upsampled(small, rng)
    else:
        how = int(rng.choice(views.UPS))
        large = np.asarray(cv2.resize(small, None, fx=2, fy=2, interpolation=how), np.uint8)
    if rng.random() < SHARPENED:
        blurred, amount = cv2.GaussianBlur(large, (0, 0), 1.5), float(rng.uniform(*SHARPENED_BY))
        large = np.asarray(cv2.addWeighted(large, 1 + amount, blurred, -amount, 0), np.uint8)
    if rng.random() < GRAINY:
        grain = rng.standard_normal(large.shape, np.float32) * np.float32(rng.uniform(*GRAIN))
        large = np.clip(np.rint(large + grain), 0, 255).astype(np.uint8)
    return large


def _back(square: Uint8, to_square: Float32, rng: np.random.Generator) -> Uint8:
    """A generated square in its place in the picture, a little bent."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32)
    strength = float(rng.uniform(*BEND_PX))
    x, y = (axis + hulls.wobble(strength, BEND_WIDTH_PX, rng) for axis in (x, y))
    (a, b, c), (d, e, f) = to_square
    places = (a * x + b * y + c, d * x + e * y + f)
    view = cv2.remap(square, *places, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT)
    return np.asarray(view, np.uint8)
