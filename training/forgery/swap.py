"""Face swap in two dimensions: another person's face, bent to this one's points triangle by
triangle, coloured alike and laid in by a soft edge or by Poisson blending.

What FaceSwap of FaceForensics++ (Roessler et al., ICCV 2019) does with a model in three dimensions.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.crops import SIDE_PX
from training.forgery import hulls, views
from training.forgery.blends import TREATED
from training.forgery.landmarks import Faces
from training.forgery.pair import Forgery, laid_over

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

POISSON = 0.4  # share of swaps blended as Perez et al. 2003 do; the others have a soft edge
EDGE_PX = 3  # a Poisson blend needs a frame around what it fills
FINE = 4  # bits of a pixel's fraction in which triangles are drawn


def face_swap(faces: Faces, i: int, rng: np.random.Generator) -> Forgery:
    target = views.start(faces.picture(i), rng)
    donor = int(rng.choice(faces.donors[i]))
    source = faces.picture(donor)
    if rng.random() < TREATED:
        source = views.coarser_or_sharper(source, rng)
    view, covered = bent_onto(source, faces.points[donor], faces.points[i], faces.triangles)
    hull = hulls.hard(faces.points[i], rng, hulls.FACES) * covered
    view = views.matched(view, target, hull, rng)
    if rng.random() < POISSON:
        return poisson(view, target, hull)
    mask = hulls.soft(hulls.bent(hull, rng), rng) * covered
    return laid_over(view, target, mask * np.float32(rng.choice(hulls.RATIOS[2:])))


def bent_onto(
    source: Uint8, given: Float32, wanted: Float32, triangles: NDArray[np.intp]
) -> tuple[Uint8, Float32]:
    """`source` with its points `given` [468, 2] moved to `wanted`, affine in each triangle; and
    where there is a triangle and the source has a pixel for it, float32 [S, S] of 0 and 1."""
    which = _triangle_of(wanted, triangles)
    affine = _affine(wanted[triangles], given[triangles])
    y, x = np.nonzero(which)
    at = affine[which[y, x] - 1]
    places = at[:, :, 0] * x[:, None] + at[:, :, 1] * y[:, None] + at[:, :, 2]
    field = np.full((SIDE_PX, SIDE_PX, 2), -1, np.float32)
    field[y, x] = places
    view = cv2.remap(source, field, None, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
    seen = ((field >= 1) & (field <= SIDE_PX - 2)).all(axis=2).astype(np.float32)
    return np.asarray(view, np.uint8), seen


def _triangle_of(points: Float32, triangles: NDArray[np.intp]) -> NDArray[np.int32]:
    """The triangle that covers each pixel, counted from 1, int32 [S, S]; 0 where none does."""
    which = np.zeros((SIDE_PX, SIDE_PX), np.int32)
    corners = np.rint(points[triangles] * 2**FINE).astype(np.int32)
    for number, corner in enumerate(corners, 1):
        cv2.fillConvexPoly(which, corner, number, shift=FINE)
    return which


def _affine(of: Float32, to: Float32) -> Float32:
    """The maps [T, 2, 3] of triangles [T, 3, 2] to others; a flat triangle goes to one place."""
    ones = np.ones((*of.shape[:2], 1))
    corners = np.concatenate([of, ones], axis=2)
    flat = np.abs(np.linalg.det(corners)) < 1e-3
    corners[flat] = np.eye(3)
    maps = np.linalg.solve(corners, to.astype(np.float64)).transpose(0, 2, 1)
    maps[flat, :, :2], maps[flat, :, 2] = 0, to[flat].mean(axis=1)
    return maps.astype(np.float32)


def poisson(view: Uint8, target: Uint8, hull: Float32) -> Forgery:
    """The gradients of `view` within the hull and the colours of `target` at its edge."""
    inside = (hull > 0).astype(np.uint8)
    inside[:EDGE_PX], inside[-EDGE_PX:] = 0, 0
    inside[:, :EDGE_PX], inside[:, -EDGE_PX:] = 0, 0
    x, y, width, height = cv2.boundingRect(inside)
    if not width:
        return laid_over(view, target, np.zeros_like(hull))
    middle = (x + width // 2, y + height // 2)
    cloned = cv2.seamlessClone(view, target, inside * np.uint8(255), middle, cv2.NORMAL_CLONE)
    edge = cv2.GaussianBlur(inside.astype(np.float32), (3, 3), 0)
    return laid_over(np.asarray(cloned, np.uint8), target, edge)
