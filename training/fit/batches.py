"""Batches: a fixed number of pairs of each source, treated alike and cut to windows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from multiprocessing import get_context
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.multihead import KINDS, PLACES, STRIDE
from models.preprocess import to_input
from training.fit.examples import Example, Source
from training.fit.losses import UNKNOWN
from training.forgery.landmarks import SIDE_PX
from training.forgery.media import Media, treat

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Batch = tuple[Uint8, dict[str, Float32]]

AHEAD = 4  # batches that each worker prepares while the network is busy
APART = 32  # steps between a batch and its echo


@dataclass(frozen=True, slots=True)
class Views:
    """How a pair is shown: `scale` pixels of the window for one of the crop; besides, `zoom` times
    as large at most, in `zoomed` of the pairs, since scaling wears away the finest traces; `hidden`
    is the share of pairs with a part covered (Das et al., "Towards solving the deepfake problem",
    2021: networks learn by heart whom they see)."""

    window_px: int = 192
    scale: float = 1.0
    zoom: float = 1.25
    zoomed: float = 0.5
    turned_deg: float = 0.0  # at most, of those that are zoomed
    hidden: float = 0.3
    smoothing: float = 0.04
    media: Media = field(default_factory=Media)


@dataclass(frozen=True, slots=True)
class Batches:
    """`mix`: sources, and how many pairs a batch takes from each, on average. The batch of a step
    follows from `seed` and the step alone.

    `echoes`: how many batches are cut from the same treated pairs, in other windows, where a GPU
    would wait for pairs (Choi et al., "Faster neural network training with data echoing", 2019).
    """

    mix: tuple[tuple[Source, float], ...]
    pairs: int
    seed: int
    views: Views = field(default_factory=Views)
    workers: int = 0  # processes that prepare batches; 0: a thread
    echoes: int = 1

    def steps(self, first: int) -> Iterator[tuple[Float32, dict[str, Float32]]]:
        """The batches from step `first` on: float32 [2P, S, S, 3], and the labels `kinds`
        float32 [2P, K] and `places` float32 [2P, S/16, S/16, K']. Reals lie in the even rows, each
        with its fake in the next."""
        return ((to_input(pictures), labels) for pictures, labels in self.pictures(first))

    def pictures(self, first: int) -> Iterator[Batch]:
        """The same, of uint8."""
        ahead = AHEAD * max(1, self.workers) * self.echoes
        made: dict[int, Future[list[Batch]]] = {}
        with self._pool() as pool:
            make = _prepared if self.workers else self._echoed
            for step in count(first):
                for coming in range(step, step + ahead):
                    number, _ = self._place(coming)
                    if number not in made:
                        made[number] = pool.submit(make, number)
                number, echo = self._place(step)
                yield made[number].result()[echo]
                if echo == self.echoes - 1:
                    del made[number]

    def _place(self, step: int) -> tuple[int, int]:
        """The number of the pairs of a step, and which of their echoes it shows."""
        group, rest = divmod(step, APART * self.echoes)
        echo, within = divmod(rest, APART)
        return group * APART + within, echo

    def _pool(self) -> Executor:
        if not self.workers:
            return ThreadPoolExecutor(1)
        return ProcessPoolExecutor(self.workers, get_context("forkserver"), _begin, (self,))

    def batch(self, step: int) -> tuple[Float32, dict[str, Float32]]:
        number, echo = self._place(step)
        pictures, labels = self._echoed(number)[echo]
        return to_input(pictures), labels

    def _echoed(self, number: int) -> list[Batch]:
        """The batches of the pairs of that number."""
        rng = np.random.default_rng((self.seed, number))
        weights = np.array([weight for _, weight in self.mix])
        # Evenly spaced draws: a batch holds of each source what is due to it, rounded at random.
        places = (np.arange(self.pairs) + rng.random()) / self.pairs * weights.sum()
        chosen = np.searchsorted(np.cumsum(weights), places, side="right")
        kinds, seen = [], []
        for source in chosen.clip(max=len(weights) - 1):
            example = treated(self.mix[source][0].draw(rng), rng, self.views)
            kinds.append(example.labels(self.views.smoothing))
            seen.append([self._seen(example, rng) for _ in range(self.echoes)])
        batches = []
        for echo in zip(*seen, strict=True):
            pictures, maps = zip(*echo, strict=True)
            labels = {"kinds": np.concatenate(kinds), "places": np.concatenate(maps)}
            batches.append((np.concatenate(pictures), labels))
        return batches

    def _seen(self, example: Example, rng: np.random.Generator) -> tuple[Uint8, Float32]:
        """A window of both pictures, uint8 [2, S, S, 3], and its map_labels()."""
        pair, mask = windowed(example, rng, self.views)
        return np.stack(pair), map_labels(example.kind, mask, self.views.window_px)


_mine: Batches  # of a worker


def _begin(batches: Batches) -> None:
    global _mine
    cv2.setNumThreads(1)
    _mine = batches


def _prepared(number: int) -> list[Batch]:
    return _mine._echoed(number)


def shown(
    example: Example, rng: np.random.Generator, views: Views
) -> tuple[list[Uint8], Float32 | None]:
    """The two pictures treated alike, uint8 [S, S, 3] of the window's size, and the mask of it."""
    return windowed(treated(example, rng, views), rng, views)


def treated(example: Example, rng: np.random.Generator, views: Views) -> Example:
    """The example after its way through the media."""
    after = treat(example.real, example.fake, rng, views.media)
    return replace(example, real=after.real, fake=after.fake)


def windowed(
    example: Example, rng: np.random.Generator, views: Views
) -> tuple[list[Uint8], Float32 | None]:
    """A window of both pictures, uint8 [S, S, 3], mirrored and hidden alike, and of the mask."""
    pair, mask = [example.real, example.fake], example.mask
    if rng.random() < 0.5:
        pair = [picture[:, ::-1] for picture in pair]
        mask = None if mask is None else mask[:, ::-1]
    matrix, size = _window(rng, views), (views.window_px, views.window_px)
    if views.hidden > rng.random():
        pair, mask = _covered(pair, mask, rng)
    pair = [_cut(picture, matrix, size) for picture in pair]
    if mask is not None:
        mask = _cut(mask, matrix, size)
    return pair, mask


def _cut(picture: Any, matrix: Float32, size: tuple[int, int]) -> Any:
    flags, edge = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    picture = np.ascontiguousarray(picture)
    return cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=edge)


def _window(rng: np.random.Generator, views: Views) -> Float32:
    """Where in the crop a window lies, float32 [2, 3]: at whole pixels unless it is scaled."""
    zoom, turn = views.scale, 0.0
    if rng.random() < views.zoomed:
        zoom *= float(np.exp(rng.uniform(-1, 1) * np.log(views.zoom)))
        turn = np.deg2rad(views.turned_deg) * float(rng.uniform(-1, 1))
    side = views.window_px / zoom
    x, y = rng.uniform(0, 1, 2) * (SIDE_PX - side)
    if zoom == 1:
        x, y = round(x), round(y)
    along, across = np.cos(turn) / zoom, np.sin(turn) / zoom
    middle = views.window_px / 2
    x += side / 2 - (along - across) * middle  # the window turns about its middle
    y += side / 2 - (along + across) * middle
    return np.array([[along, -across, x], [across, along, y]], np.float32)


def _covered(
    pair: list[Uint8], mask: Float32 | None, rng: np.random.Generator
) -> tuple[list[Uint8], Float32 | None]:
    """Both with the same rectangle, of a sixth to a half of the side, in the real's mean colour
    there or of the same noise; the mask without it."""
    side = pair[0].shape[0]
    height, width = rng.integers(side // 6, side // 2, 2)
    y, x = rng.integers(0, side - height), rng.integers(0, side - width)
    hidden = np.s_[y : y + height, x : x + width]
    filling = pair[0][hidden].mean(axis=(0, 1))
    if rng.random() < 0.5:
        filling = rng.integers(0, 256, (height, width, 3))
    covered = [picture.copy() for picture in pair]
    for picture in covered:
        picture[hidden] = filling
    if mask is not None:
        mask = mask.copy()
        mask[hidden] = 0
    return covered, mask


def map_labels(kind: int, mask: Float32 | None, side_px: int) -> Float32:
    """Float32 [2, S/16, S/16, K']: a real has no foreign place on any map; of a fake, only the map
    of its own kind is known, where its mask is. A mask's strength is not asked for, only where."""
    places = side_px // STRIDE
    labels = np.full((2, places, places, len(PLACES)), UNKNOWN, np.float32)
    labels[0] = 0
    name = KINDS[kind]
    if mask is not None and name in PLACES:
        peak = float(mask.max())
        small = cv2.resize(mask, (places, places), interpolation=cv2.INTER_AREA)
        labels[1, ..., PLACES.index(name)] = small / peak if peak > 0.05 else 0
    return labels
