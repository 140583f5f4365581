"""Blends: a face laid over itself or over one that looks alike, through a soft hull."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.forgery import hulls, views
from training.forgery.landmarks import Faces
from training.forgery.pair import Forgery, laid_over

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

SHIFT = (0.03, 0.015)  # the largest move of the source, of the picture's width and height
SCALE = 0.95  # to 1 / SCALE
TREATED = 0.3  # share of donors of another sharpness, as a network that draws them gives


def self_blend(faces: Faces, i: int, rng: np.random.Generator) -> Forgery:
    """Two views of one picture, one laid over the other (Shiohara & Yamasaki, CVPR 2022).

    The changed view is the source or the target; a changed target is the real of the pair, so that
    neither colour nor sharpness tells which of them is the fake.
    """
    source = faces.picture(i)
    target = views.other_view(source, rng)
    if rng.random() < 0.5:
        source, target = target, source
    matrix = _move(source.shape[0], rng)
    hull = _warped(hulls.hard(faces.points[i], rng), matrix, cv2.BORDER_REPLICATE)
    mask = hulls.soft(hulls.bent(hull, rng), rng) * np.float32(rng.choice(hulls.RATIOS))
    return laid_over(_warped(source, matrix, cv2.BORDER_REFLECT), target, mask)


def cross_blend(faces: Faces, i: int, rng: np.random.Generator) -> Forgery:
    """The face of another person who looks alike, brought into place and colour (Li et al., "Face
    X-ray", CVPR 2020)."""
    target = views.start(faces.picture(i), rng)
    donor = int(rng.choice(faces.donors[i]))
    source = faces.picture(donor)
    if rng.random() < TREATED:
        source = views.coarser_or_sharper(source, rng)
    matrix = (affine if rng.random() < 0.5 else similarity)(faces.points[donor], faces.points[i])
    hull = hulls.hard(faces.points[i], rng) * covered(matrix, target.shape[0])
    mask = hulls.soft(hulls.bent(hull, rng), rng) * np.float32(rng.choice(hulls.RATIOS[1:]))
    view = _warped(source, matrix, cv2.BORDER_REFLECT, cv2.INTER_CUBIC)
    return laid_over(views.matched(view, target, hull, rng), target, mask)


def affine(source: Float32, target: Float32) -> Float32:
    """The affine map [2, 3] that brings points [N, 2] closest to others (least squares)."""
    ones = np.ones((len(source), 1), np.float32)
    matrix, *_ = np.linalg.lstsq(np.hstack([source, ones]), target, rcond=None)
    return np.asarray(matrix.T, np.float32)


def similarity(source: Float32, target: Float32) -> Float32:
    """As `affine`, with a turn, a scale and a shift only."""
    middle, goal = source.mean(axis=0), target.mean(axis=0)
    a, b = ((p - m) @ np.array([1, 1j]) for p, m in ((source, middle), (target, goal)))
    turn = np.vdot(a, b) / max(1e-6, np.vdot(a, a).real)
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.hstack([matrix, (goal - matrix @ middle)[:, None]]).astype(np.float32)


def covered(matrix: Float32, side_px: int) -> Float32:
    """Where a picture that is moved by `matrix` [2, 3] still has pixels, float32 [S, S]."""
    inside = np.zeros((side_px, side_px), np.float32)
    inside[2:-2, 2:-2] = 1  # the outermost pixels of a crop are often smeared
    return _warped(inside, matrix, cv2.BORDER_CONSTANT, cv2.INTER_NEAREST)


def _move(side_px: int, rng: np.random.Generator) -> Float32:
    scale = float(rng.uniform(SCALE, 1 / SCALE))
    shift = rng.uniform(-1, 1, 2) * SHIFT * side_px + side_px / 2 * (1 - scale)
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)


def _warped(
    picture: NDArray[Any], matrix: Float32, border: int, how: int = cv2.INTER_LINEAR
) -> NDArray[Any]:
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=how, borderMode=border))
