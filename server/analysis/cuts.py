"""Where one scene ends and another begins, from pictures a third of a second or more apart.

Consecutive frames of a film differ little unless there is a cut; samples that far apart differ
anyway, by people and cameras that move. So three likenesses that survive movement are averaged:
what a shifted part of the picture looks like, its colours, and its distribution of light.
"""

from __future__ import annotations

import cv2
import numpy as np

from server.analysis.records import Float32, Frame, Uint8

SMALL_PX = (64, 36)  # width, height: enough for the layout of a scene, and 0.1 ms to compare
SHIFT = 0.2  # of the picture: how far the camera may have turned between two samples
# Pictures of one scene of our clips, 1/3 and 2/3 s apart, are alike by 0.71 or more (755 pairs);
# of 406 pairs across clips 7 are alike by more than 0.67, people before similar backdrops
# (test_measured.py).
SAME_SCENE = 0.67
FLASH_S = 0.75  # a disturbance shorter than this, with the same scene after it, is no cut
FLAT = 3.0  # a standard deviation of lightness (0..255) below which there is nothing to see


class Scenes:
    """Gives every picture the number of its scene; a scene interrupted by a flash keeps its own."""

    def __init__(self) -> None:
        self._number = 0
        self._count = 0
        self._picture: Float32 | None = None
        # The scene before the last cut: its number, its last picture, and when it was last seen.
        self._former: tuple[int, Float32, float] | None = None
        self._time_s = 0.0

    def number(self, frame: Frame) -> int:
        """The scene of `frame`, counted from 0; frames must come in order of time."""
        picture = thumbnail(frame.rgb)
        if self._picture is not None and likeness(self._picture, picture) < SAME_SCENE:
            former, self._former = self._former, (self._number, self._picture, self._time_s)
            if former is not None and self._is_flash(former, picture, frame.time_s):
                self._number = former[0]
            else:
                self._count += 1
                self._number = self._count
        self._picture, self._time_s = picture, frame.time_s
        return self._number

    @staticmethod
    def _is_flash(former: tuple[int, Float32, float], picture: Float32, time_s: float) -> bool:
        return time_s - former[2] <= FLASH_S and likeness(former[1], picture) >= SAME_SCENE


def thumbnail(rgb: Uint8) -> Float32:
    """uint8 [H, W, 3] to a small picture in Lab, float32 [36, 64, 3] in 0..255."""
    # Every n-th pixel first: thumbnails of thumbnails cost a tenth, and tell scenes apart as well.
    step = max(1, rgb.shape[0] // (4 * SMALL_PX[1]))
    thin = np.ascontiguousarray(rgb[::step, ::step])
    small = cv2.resize(thin, SMALL_PX, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)


def likeness(first: Float32, second: Float32) -> float:
    """How much two thumbnails look like one scene, 0 to 1; symmetric."""
    return (_layout(first, second) + _colours(first, second) + _light(first, second)) / 3


def _layout(first: Float32, second: Float32) -> float:
    """The best correlation of one picture's middle with a shifted part of the other."""
    one, two = first[..., 0].copy(), second[..., 0].copy()
    if one.std() < FLAT or two.std() < FLAT:
        return float(one.std() < FLAT and two.std() < FLAT)
    height, width = one.shape
    rows, columns = round(SHIFT * height), round(SHIFT * width)
    middle = np.s_[rows : height - rows, columns : width - columns]
    best = [
        cv2.matchTemplate(where, what[middle].copy(), cv2.TM_CCOEFF_NORMED).max()
        for where, what in ((one, two), (two, one))
    ]
    return float(np.clip(max(best), 0, 1))


def _colours(first: Float32, second: Float32) -> float:
    """What the histograms of hue and saturation share, whatever the brightness."""
    shares = []
    for picture in (first, second):
        chroma = picture[..., 1:].reshape(1, -1, 2)
        counts = cv2.calcHist([chroma], [0, 1], None, [16, 16], [80, 176, 80, 176])
        shares.append(cv2.GaussianBlur(counts, (3, 3), 0) / max(1.0, float(counts.sum())))
    return float(np.minimum(*shares).sum())


def _light(first: Float32, second: Float32) -> float:
    """What the histograms of lightness share once exposure and contrast are set equal."""
    shares = []
    for picture in (first, second):
        light = picture[..., 0]
        light = (light - light.mean()) / (light.std() + 2)
        shares.append(np.histogram(light, 24, (-3, 3))[0] / light.size)
    return float(np.minimum(*shares).sum())
