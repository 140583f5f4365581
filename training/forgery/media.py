"""What cameras, sites and screens do to a picture, to the real and the fake of a pair alike.

Nothing here moves a pixel by more than the treatment itself blurs it, so that a mask stays right.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocess import resize
from training.data import codecs
from training.forgery.augment import Augmentation, augment
from training.forgery.views import rescaled

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

STILL = dict.fromkeys(
    ("flip", "framing", "light", "colour", "shrink", "blur", "noise", "jpeg", "h264"), 0.0
)
LIGHT = Augmentation(**STILL | {"light": 0.4, "colour": 0.2})  # before anything is lost
WEAR = Augmentation(**STILL | {"shrink": 0.25, "blur": 0.15, "noise": 0.15}, shrink_to=(0.4, 1.0))

CLIP_FRAMES = 5
CLIP_MARGIN_PX = (8, 24)  # around the crop; no multiple of a macroblock, so that the grid moves
CLIP_DRIFT_PX, CLIP_ZOOM = 1.0, 0.005  # the most from one frame to the next
GAMMA = (0.8, 1.25)  # of a screen
MOIRE = 0.5  # share of screens that a camera sees
MOIRE_PERIOD_PX, MOIRE_DEPTH = (2.5, 14.0), (0.005, 0.035)


@dataclass(frozen=True, slots=True)
class Media:
    """How often each medium is met (of codecs at most one, in this order) and how far it goes."""

    light: Augmentation = LIGHT
    wear: Augmentation = WEAR
    screen: float = 0.06
    h264: float = 0.3
    h264_crf: tuple[int, int] = (20, 40)
    h264_scale: tuple[float, float] = (0.35, 1.0)
    h264_preset: str = "medium"
    jpeg: float = 0.4
    jpeg_quality: tuple[int, int] = (30, 98)
    jpeg_again: float = 0.25  # after a JPEG or a clip
    webp: float = 0.06


@dataclass(frozen=True, slots=True)
class Treated:
    """A pair after its way through the media, and `clean` as it was before: uint8 [S, S, 3] each.
    Clean and treated views show the same light and differ in quality only."""

    real: Uint8
    fake: Uint8
    clean_real: Uint8
    clean_fake: Uint8


def treat(real: Uint8, fake: Uint8, rng: np.random.Generator, how: Media | None = None) -> Treated:
    """Both pictures uint8 [S, S, 3] on one random way, with the same draws at every step."""
    how = how or Media()
    seed = int(rng.integers(2**63))
    lights, ways = [], []
    for picture in (real, fake):
        same = np.random.default_rng(seed)
        lights.append(augment(picture, same, how.light))
        ways.append(worn(lights[-1], same, how))
    return Treated(*ways, *lights)


def worn(picture: Uint8, rng: np.random.Generator, how: Media) -> Uint8:
    """One random way of a picture; the same state of `rng` gives the same way."""
    picture = augment(picture, rng, how.wear)
    if rng.random() < how.screen:
        picture = screened(picture, rng)
    which = rng.random()
    if which < how.h264:
        picture = filmed(picture, rng, how)
    elif which < how.h264 + how.jpeg:
        picture = codecs.jpeg(_quality(rng, how), picture)
    elif which < how.h264 + how.jpeg + how.webp:
        return codecs.webp(_quality(rng, how), picture)
    else:
        return picture
    again = rng.random() < how.jpeg_again
    return codecs.jpeg(_quality(rng, how), picture) if again else picture


def _quality(rng: np.random.Generator, how: Media) -> int:
    return int(rng.integers(how.jpeg_quality[0], how.jpeg_quality[1] + 1))


def filmed(picture: Uint8, rng: np.random.Generator, how: Media) -> Uint8:
    """A predicted frame of a short H.264 clip in which the face drifts and grows a little.

    The clip is reckoned from the frame that is taken, which is therefore in its place.
    """
    side = picture.shape[0]
    small = max(16, round(side * float(rng.uniform(*how.h264_scale))))
    lesser = resize(picture, small)
    margin = int(rng.integers(*CLIP_MARGIN_PX))
    canvas = (small + 2 * margin + 1) // 2 * 2  # H.264 halves the colours
    which = int(rng.integers(2, CLIP_FRAMES))
    drift = rng.uniform(-CLIP_DRIFT_PX, CLIP_DRIFT_PX, 2)
    zoom = 1 + float(rng.uniform(-CLIP_ZOOM, CLIP_ZOOM))
    frames = []
    for step in range(-which, CLIP_FRAMES - which):
        scale = zoom**step
        shift = margin + drift * step + small / 2 * (1 - scale)
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        frame = cv2.warpAffine(lesser, matrix, (canvas, canvas), borderMode=cv2.BORDER_REFLECT)
        frames.append(np.asarray(frame, np.uint8))
    crf = int(rng.integers(how.h264_crf[0], how.h264_crf[1] + 1))
    shown = codecs.h264_clip(crf, frames, which, how.h264_preset)
    return resize(shown[margin : margin + small, margin : margin + small], side)


def screened(picture: Uint8, rng: np.random.Generator) -> Uint8:
    """Shown on a screen and recorded: other pixels, other gamma, sometimes a mild moire."""
    view = rescaled(picture, float(rng.uniform(0.7, 1.9)), cv2.INTER_LINEAR, cv2.INTER_AREA)
    ramp = np.linspace(0, 1, 256) ** float(rng.uniform(*GAMMA))
    black, white = float(rng.uniform(0, 0.05)), float(rng.uniform(0.93, 1.02))
    table = (255 * (black + (white - black) * ramp)).clip(0, 255).astype(np.uint8)
    shown = np.asarray(cv2.LUT(view, table), np.uint8)
    return _moire(shown, rng) if rng.random() < MOIRE else shown


def _moire(picture: Uint8, rng: np.random.Generator) -> Uint8:
    """Two screens of lines beat: faint oblique waves, a little apart in each colour."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    angle, period = float(rng.uniform(0, np.pi)), float(rng.uniform(*MOIRE_PERIOD_PX))
    along = (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))) / period
    phases = rng.uniform(0, 2 * np.pi) + np.array([0, 1, 2]) * float(rng.uniform(0, 1))
    waves = np.sin(2 * np.pi * along[..., None] + phases.astype(np.float32))
    gain = 1 + np.float32(rng.uniform(*MOIRE_DEPTH)) * waves
    return np.clip(np.rint(picture * gain), 0, 255).astype(np.uint8)
