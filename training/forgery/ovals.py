"""Fakes whose manipulated pixels are known: a face blended with another view of itself.

After Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022): two views of
one picture that differ slightly in colour, sharpness and place are blended through a soft mask, so
that nothing tells the fake but the traces of blending. Written from the paper, with three changes:
the mask grows from MTCNN's five points instead of 81; it may cover a part of the face only, so that
a map can be asked where, not just whether; and only the view that is blended in is changed, so that
pixels outside the mask stay as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocess import resize
from server.analysis.faces import FaceFinder
from training.data import crops as data

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Part = Literal["face", "eyes", "nose", "mouth", "left", "right"]
PARTS: tuple[Part, ...] = get_args(Part)

# Ovals around the point half-way between eyes and mouth, x in distances of the eyes, y in distances
# from eyes to mouth: centre x, centre y, half width, half height.
OVALS: dict[Part, tuple[float, float, float, float]] = {
    "face": (0.0, 0.05, 1.05, 1.35),
    "eyes": (0.0, -0.5, 0.95, 0.38),
    "nose": (0.0, 0.0, 0.42, 0.5),
    "mouth": (0.0, 0.6, 0.65, 0.4),
    "left": (-0.5, 0.05, 0.5, 1.1),
    "right": (0.5, 0.05, 0.5, 1.1),
}
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)  # of the blend at its strongest, as in the paper
SHIFT = 0.03  # the largest move of one view against the other, of the picture's side
SCALE = 0.05


@dataclass(frozen=True, slots=True)
class Blend:
    """A self-blended picture uint8 [S, S, 3], and how much of each pixel is foreign: float32
    [S, S] in 0..1."""

    rgb: Uint8
    mask: Float32


@dataclass(frozen=True, slots=True)
class Blends:
    """Self-blends of N reals: uint8 [N, S, S, 3] each, masks float32 [N, S, S], people [N]."""

    pictures: Uint8
    untouched: Uint8
    masks: Float32
    people: NDArray[Any]

    def touched(self) -> NDArray[np.bool_]:
        """Where a picture is at least half as foreign as where it is most, bool [N, S, S]."""
        return np.asarray(self.masks >= 0.5 * self.masks.max(axis=(1, 2), keepdims=True))


def self_blends(crops: data.Crops, count: int, side_px: int) -> Blends:
    """`count` reals of `crops`, evenly drawn, less those without a face that is found; of each one
    part in turn is blended, then it is scaled to `side_px`."""
    finder = FaceFinder()
    blends, reals, people = [], [], []
    for n, i in enumerate(drawn(~crops.fake, count)):
        rgb = data.decode(crops.images[i])
        faces = finder.find(rgb)
        if len(faces):
            blends.append(self_blend(rgb, faces.landmarks[0], seed=n, part=PARTS[n % len(PARTS)]))
            reals.append(resize(rgb, side_px))
            people.append(crops.identities[i])
    size = (side_px, side_px)
    masks = [cv2.resize(blend.mask, size, interpolation=cv2.INTER_AREA) for blend in blends]
    pictures = [resize(blend.rgb, side_px) for blend in blends]
    return Blends(np.stack(pictures), np.stack(reals), np.stack(masks), np.array(people))


def drawn(wanted: NDArray[np.bool_], count: int) -> NDArray[np.intp]:
    """The indices of at most `count` of those that are wanted, evenly."""
    places = np.flatnonzero(wanted)
    return places[np.linspace(0, len(places) - 1, min(count, len(places))).astype(int)]


def self_blend(rgb: Uint8, landmarks: Float32, seed: int, part: Part = "face") -> Blend:
    """Blend the `part` of the face in `rgb` uint8 [S, S, 3] with another view of it.

    `landmarks` float32 [5, 2] px in MTCNN's order. The same seed gives the same blend.
    """
    rng = np.random.default_rng(seed)
    mask = soft(deformed(oval(landmarks, rgb.shape[0], part), rng), rng)
    mask *= np.float32(rng.choice(RATIOS))
    view, mask = moved(other_view(rgb, rng), mask, rng)
    share = mask[..., None]
    mixed = view.astype(np.float32) * share + rgb.astype(np.float32) * (1 - share)
    return Blend(np.clip(np.rint(mixed), 0, 255).astype(np.uint8), mask)


def oval(landmarks: Float32, side_px: int, part: Part = "face") -> Float32:
    """The hard mask of a part of the face, float32 [S, S] of 0 and 1."""
    left_eye, right_eye, _, left_mouth, right_mouth = landmarks.astype(np.float64)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    across, down = right_eye - left_eye, mouth - eyes
    x, y, width, height = OVALS[part]
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)[:, None]
    points = (
        (eyes + mouth) / 2
        + across * (x + width * np.cos(angle))
        + down * (y + height * np.sin(angle))
    )
    mask = np.zeros((side_px, side_px), np.float32)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1.0)
    return mask


def deformed(mask: Float32, rng: np.random.Generator) -> Float32:
    """Bent by a smooth random field, grown or shrunk a little (elastic: Simard et al. 2003)."""
    side = mask.shape[0]
    field = rng.uniform(-1, 1, (2, side, side)).astype(np.float32)
    bend = [cv2.GaussianBlur(axis, (0, 0), side / 16) for axis in field]
    strength = side * 0.04
    steps = [axis / (np.abs(axis).max() + 1e-6) * strength for axis in bend]
    y, x = np.mgrid[:side, :side].astype(np.float32)
    bent = cv2.remap(mask, x + steps[0], y + steps[1], cv2.INTER_LINEAR)
    return np.asarray(bent, np.float32)


def soft(mask: Float32, rng: np.random.Generator) -> Float32:
    """Without hard edges, never outside of what the mask covers: blurred, cut, blurred again."""
    side = mask.shape[0]
    inner = cv2.GaussianBlur(mask, (0, 0), side * float(rng.uniform(0.01, 0.04)))
    inner = np.where(inner < 1 - 1e-3, 0, inner).astype(np.float32)
    if not inner.any():  # a part too small for this blur
        inner = mask
    edge = cv2.GaussianBlur(inner, (0, 0), side * float(rng.uniform(0.005, 0.02)))
    return np.clip(edge, 0, 1).astype(np.float32)


def other_view(rgb: Uint8, rng: np.random.Generator) -> Uint8:
    """The picture in other colours and light, and blurred by scaling or sharpened."""
    picture = rgb.astype(np.float32) + rng.uniform(-20, 20, 3).astype(np.float32)
    hsv = cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV).astype(int)
    hsv += np.rint(rng.uniform((-5, -30, -30), (5, 30, 30))).astype(int)
    hsv[..., 0] %= 180
    shifted = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB)
    contrast = float(rng.uniform(0.9, 1.1))
    changed = (shifted.astype(np.float32) - 128) * contrast + 128
    view = np.clip(changed, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        side = rgb.shape[0]
        return resize(resize(view, max(8, int(side / rng.uniform(2, 4)))), side)
    blurred = cv2.GaussianBlur(view, (0, 0), 1.5)
    amount = float(rng.uniform(0.3, 0.8))
    return np.asarray(cv2.addWeighted(view, 1 + amount, blurred, -amount, 0), np.uint8)


def moved(source: Uint8, mask: Float32, rng: np.random.Generator) -> tuple[Uint8, Float32]:
    """The view that is blended in, and its mask, moved and scaled alike: landmarks mismatch."""
    side = source.shape[0]
    scale = 1 + float(rng.uniform(-SCALE, SCALE))
    shift = rng.uniform(-SHIFT, SHIFT, 2) * side + side / 2 * (1 - scale)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    size: Any = (side, side)
    view = cv2.warpAffine(source, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(view, np.uint8), np.asarray(cv2.warpAffine(mask, matrix, size), np.float32)
