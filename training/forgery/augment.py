"""What the way to a browser does to a face: framing, scaling, compression, blur, noise, light.

The two pictures of a pair get the same treatment, so that all that tells them apart is the
manipulation. Each function maps uint8 RGB [S, S, 3] to the same shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from models.preprocess import resize
from server.analysis.records import Uint8
from training.data import codecs

# Measured on the crops of the training set against our own framing of the same kind of frame:
# 9 % spread in scale, 5 % of the side in position.
FRAMING_SCALE = 0.09
FRAMING_SHIFT = 0.05


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How often each change happens (probabilities) and how far it goes."""

    flip: float = 0.5
    framing: float = 0.9
    light: float = 0.5
    colour: float = 0.3
    shrink: float = 0.3
    blur: float = 0.15
    noise: float = 0.2
    shrink_to: tuple[float, float] = (0.3, 0.9)
    jpeg: float = 0.6
    jpeg_quality: tuple[int, int] = (30, 95)
    h264: float = 0.0  # in place of JPEG
    h264_crf: tuple[int, int] = (23, 41)


def augment(picture: Uint8, rng: np.random.Generator, how: Augmentation) -> Uint8:
    """One random course from camera to browser; the same `rng` state gives the same course."""
    for chance, draw in (
        (how.flip, _flip),
        (how.framing, _framing),
        (how.light, _light),
        (how.colour, _colour),
        (how.shrink, partial(_shrink, to=how.shrink_to)),
        (how.blur, _blur),
        (how.noise, _noise),
    ):
        if rng.random() < chance:
            picture = draw(picture, rng)
    if how.h264 and rng.random() < how.h264:
        return _h264(picture, rng, how.h264_crf)
    return _jpeg(picture, rng, how.jpeg_quality) if rng.random() < how.jpeg else picture


def _flip(picture: Uint8, rng: np.random.Generator) -> Uint8:
    del rng
    return np.ascontiguousarray(picture[:, ::-1])


def _framing(picture: Uint8, rng: np.random.Generator) -> Uint8:
    """Cut a little wider, narrower or off-centre, as a detector does; the edge is repeated."""
    side = picture.shape[0]
    scale = float(np.exp(rng.normal(0, FRAMING_SCALE)))
    shift = rng.normal(0, FRAMING_SHIFT, 2) * side
    offset = side / 2 * (1 - scale) + shift
    matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(picture, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    )


def _light(picture: Uint8, rng: np.random.Generator) -> Uint8:
    """Brightness, contrast and gamma by one look-up table."""
    ramp = np.linspace(0, 1, 256) ** float(np.exp(rng.normal(0, 0.2)))
    ramp = (ramp - 0.5) * float(rng.uniform(0.75, 1.25)) + 0.5 + float(rng.uniform(-0.12, 0.12))
    return np.asarray(cv2.LUT(picture, (ramp.clip(0, 1) * 255).astype(np.uint8)))


def _colour(picture: Uint8, rng: np.random.Generator) -> Uint8:
    """White balance and saturation."""
    gains = rng.uniform(0.9, 1.1, 3)
    grey = np.array([0.299, 0.587, 0.114])
    keep = float(rng.uniform(0.6, 1.2))
    matrix = (keep * np.eye(3) + (1 - keep) * grey[None, :]) * gains[:, None]
    return np.asarray(cv2.transform(picture, matrix), np.uint8)


def _shrink(picture: Uint8, rng: np.random.Generator, to: tuple[float, float]) -> Uint8:
    """A face that was small in its frame."""
    side = picture.shape[0]
    small = max(8, round(side * float(rng.uniform(*to))))
    return resize(resize(picture, small), side)


def _blur(picture: Uint8, rng: np.random.Generator) -> Uint8:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.5))))


def _noise(picture: Uint8, rng: np.random.Generator) -> Uint8:
    grain = rng.normal(0, float(rng.uniform(1, 7)), picture.shape)
    return (picture + grain).clip(0, 255).astype(np.uint8)


def _jpeg(picture: Uint8, rng: np.random.Generator, quality: tuple[int, int]) -> Uint8:
    return codecs.jpeg(int(rng.integers(quality[0], quality[1] + 1)), picture)


def _h264(picture: Uint8, rng: np.random.Generator, crf: tuple[int, int]) -> Uint8:
    side = picture.shape[0]
    return resize(codecs.h264(int(rng.integers(crf[0], crf[1] + 1)), picture), side)
