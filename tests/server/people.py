"""Two people on a plain set, walking as told: real faces, known places.

The second person is the astronaut mirrored, with other proportions, skin, hair and clothes: another
face to every measure that the tracker uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

Picture = np.ndarray  # uint8 [H, W, 3]

HEAD = slice(0, 230), slice(110, 340)  # of skimage's astronaut
SIZE = (640, 360)  # width, height of the set
SIDE = 170  # of a head cut out with hair and collar; the face in it is about 90 px high


def two_people(astronaut: Picture) -> list[Picture]:
    """Two heads, uint8 [SIDE, SIDE, 3]."""
    first = cv2.resize(astronaut[HEAD], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    wide = astronaut[HEAD][6:-6, 20:-20][:, ::-1, (0, 2, 1)]
    second = cv2.resize(np.ascontiguousarray(wide), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return [first, np.clip(second * 0.65, 0, 255).astype(np.uint8)]


def ground(seed: int = 0) -> Picture:
    """A backdrop with something on it, uint8 [H, W, 3]; another `seed` is another place, with
    colours and light of its own, as real ones have."""
    random = np.random.default_rng(seed)
    paint = random.uniform(60, 196, 3)
    coarse = np.clip(paint + random.normal(0, 25, (5, 8, 3)), 0, 255).astype(np.uint8)
    return cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)


def place(picture: Picture, head: Picture, middle: tuple[float, float]) -> None:
    """Draw `head` on `picture`, cut out as an oval, in place; parts outside are cut off."""
    side = head.shape[0]
    mask = np.zeros((side, side), np.float32)
    cv2.ellipse(mask, (side // 2, side // 2), (side * 2 // 5, side // 2 - 4), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
    left, top = (round(at - side / 2) for at in middle)
    height, width = picture.shape[:2]
    rows = slice(max(0, -top), max(0, min(side, height - top)))
    columns = slice(max(0, -left), max(0, min(side, width - left)))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    spot = picture[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
    share = mask[rows, columns]
    spot[:] = (head[rows, columns] * share + spot * (1 - share)).astype(np.uint8)


def walk(
    heads: Sequence[Picture], paths: Sequence[Sequence[tuple[float, float]]], seed: int = 0
) -> Iterator[Picture]:
    """One picture per step of `paths`; who comes later in the list is in front."""
    for step in range(len(paths[0])):
        picture = ground(seed)
        for head, path in zip(heads, paths, strict=True):
            place(picture, head, path[step])
        yield picture


def crossing(steps: int, apart_px: float = 0.0) -> list[list[tuple[float, float]]]:
    """Two people who pass each other, `apart_px` of height between them."""
    across = np.linspace(100, SIZE[0] - 100, steps)
    middle = SIZE[1] / 2
    return [
        [(float(x), middle - apart_px / 2) for x in across],
        [(float(x), middle + apart_px / 2) for x in across[::-1]],
    ]


def standing(steps: int, x: float = 320, y: float = 180) -> list[tuple[float, float]]:
    """Someone who stays, swaying a little."""
    return [(x + 6 * np.sin(step), y + 3 * np.cos(step)) for step in range(steps)]
