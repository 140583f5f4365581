"""Re-enactment: mouth, jaw, brows and lids of a face moved as an expression moves them, and drawn
anew a little softer, as Face2Face and NeuralTextures (Thies et al., 2016 and 2019) leave them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.crops import SIDE_PX
from training.forgery import hulls, views
from training.forgery.generator import upsampled
from training.forgery.landmarks import Faces
from training.forgery.pair import Forgery, laid_over

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

FURTHEST = (0.02, 0.06)  # a move, in heights of the face
UPPER = 0.4  # share of fakes in which brows or lids move as well
COLOUR = 5  # the most by which a channel of the new pixels is off
CELL_PX = 4  # the field of moves is smooth


@dataclass(frozen=True, slots=True)
class Move:
    """Of one point of the mesh: `across` and `down` in units of the expression's strength, and
    how wide it pulls the skin along, in heights of the face."""

    point: int
    across: float
    down: float
    width: float


OPEN = (
    Move(17, 0, 1, 0.09), Move(152, 0, 1, 0.14), Move(150, 0, 0.5, 0.12), Move(379, 0, 0.5, 0.12),
    Move(0, 0, -0.25, 0.05),
)  # fmt: skip
SMILE = (
    Move(61, -1, -0.6, 0.07), Move(291, 1, -0.6, 0.07), Move(50, 0, -0.3, 0.1),
    Move(280, 0, -0.3, 0.1),
)  # fmt: skip
PUCKER = (Move(61, 0.8, 0, 0.07), Move(291, -0.8, 0, 0.07), Move(0, 0, -0.2, 0.05))
ASIDE = (Move(14, 1, 0, 0.12), Move(152, 0.8, 0, 0.14))
SNEER = (Move(0, 0, -0.6, 0.06), Move(40, 0, -0.4, 0.06))
BROWS = (Move(105, 0, -1, 0.08), Move(334, 0, -1, 0.08))
FROWN = (Move(107, 0.4, 0.5, 0.05), Move(336, -0.4, 0.5, 0.05))
LIDS = (
    Move(159, 0, 0.35, 0.03), Move(386, 0, 0.35, 0.03), Move(145, 0, -0.15, 0.03),
    Move(374, 0, -0.15, 0.03),
)  # fmt: skip
MOUTH_MOVES = (OPEN, SMILE, PUCKER, ASIDE, SNEER)
UPPER_MOVES = (BROWS, FROWN, LIDS)


def reenactment(faces: Faces, i: int, rng: np.random.Generator) -> Forgery:
    target, points = views.start(faces.picture(i), rng), faces.points[i]
    chosen = rng.choice(len(MOUTH_MOVES), int(rng.integers(1, 3)), replace=False)
    moves = [MOUTH_MOVES[n] for n in chosen]
    upper = rng.random() < UPPER
    if upper:
        moves.append(UPPER_MOVES[int(rng.integers(len(UPPER_MOVES)))])
    view = redrawn(moved(target, field_of(points, moves, rng)), rng)
    around = hulls.FACES if upper or rng.random() < 0.3 else (hulls.mouth_and_jaw,)
    mask = hulls.soft(hulls.bent(hulls.hard(points, rng, around), rng), rng)
    return laid_over(view, target, mask)


def field_of(
    points: Float32, expressions: list[tuple[Move, ...]], rng: np.random.Generator
) -> Float32:
    """How far each pixel moves, float32 [S, S, 2] px: radial basis functions at the moved points,
    each expression and its reverse equally often."""
    height = hulls.height_px(points)
    down = (points[hulls.CHIN] - points[hulls.TOP]) / max(1e-6, height)
    across = np.array([down[1], -down[0]], np.float32)
    y, x = (np.mgrid[:SIDE_PX:CELL_PX, :SIDE_PX:CELL_PX] + (CELL_PX - 1) / 2).astype(np.float32)
    field = np.zeros((*x.shape, 2), np.float32)
    for expression in expressions:
        strength = float(rng.choice((-1, 1)) * rng.uniform(*FURTHEST)) * height
        for move in expression:
            px, py = points[move.point]
            far = ((x - px) ** 2 + (y - py) ** 2) / (2 * (move.width * height) ** 2)
            step = strength * (across * move.across + down * move.down)
            field += np.exp(-far)[..., None] * step.astype(np.float32)
    return np.asarray(cv2.resize(field, (SIDE_PX, SIDE_PX)), np.float32)


def moved(rgb: Uint8, field: Float32) -> Uint8:
    """Each pixel taken from where `field` [S, S, 2] px brings it from."""
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]].astype(np.float32)
    places = np.stack([x, y], axis=2) - field
    view = cv2.remap(rgb, places, None, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
    return np.asarray(view, np.uint8)


def redrawn(rgb: Uint8, rng: np.random.Generator) -> Uint8:
    """With less detail, as networks draw, and hardly other colours."""
    how = rng.random()
    if how < 0.35:
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), float(rng.uniform(0.5, 1.3))), np.uint8)
    elif how < 0.65:
        up = int(rng.choice(views.UPS))
        rgb = views.rescaled(rgb, 1 / float(rng.uniform(1.4, 2.5)), cv2.INTER_AREA, up)
    elif how < 0.9:
        small = (SIDE_PX // 2, SIDE_PX // 2)
        lesser = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA)
        rgb = upsampled(np.asarray(lesser, np.uint8), rng)
    return views.by_channel(rgb, 1.0, rng.uniform(-COLOUR, COLOUR, 3) * (rng.random() < 0.5))
