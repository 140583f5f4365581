"""What a network is trained on, step by step: batches of pairs, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.preprocess import resize, to_input
from training.data import crops as data
from training.data.augment import Augmentation, augment_pair
from training.forgery.donors import Reals

Float32 = NDArray[np.float32]
Teacher = Callable[[list[data.Uint8]], Float32]  # N pictures of any size to P(fake), float32 [N, 1]
OWN = 1  # tells the draws of our own pairs from those of the data's
AHEAD = 4  # batches that threads prepare while the network is busy


@dataclass(frozen=True, slots=True)
class Feed:
    """The train part in batches of P reals, each with its own fake; and as many of our own making
    as `own` says: sets of reals, and how many pairs a batch takes from each.

    Epoch e draws the pairs in an order of its own and changes each pair in its own way; both follow
    from `seed`, e and the pair alone, so that a run may go on from any step.

    A `teacher` sees the same changed pictures at a size of its own, and its P(fake) makes up half
    of each label (Hinton et al., "Distilling the knowledge in a neural network", 2015).
    """

    crops: data.Crops
    input_px: int
    pairs_per_batch: int
    seed: int
    augmentation: Augmentation = field(default_factory=Augmentation)
    own: tuple[tuple[Reals, int], ...] = ()
    teacher: Teacher | None = None
    pairs: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pairs", self.crops.pairs())
        if len(self.pairs) < self.pairs_per_batch:
            raise ValueError(
                f"{len(self.pairs)} pairs of a real and its own fake are too few for a batch of "
                f"{self.pairs_per_batch}: add data, or name the pairs in a manifest.csv (columns "
                "`file` and `group_original`)"
            )

    @property
    def steps_per_epoch(self) -> int:
        return len(self.pairs) // self.pairs_per_batch

    def batches(self, first: int, stop: int) -> Iterator[tuple[Float32, Float32]]:
        """Those of steps `first` to `stop`: float32 [2P, S, S, 3] and labels float32 [2P, 1], P
        with our own pairs, which come last."""
        pairs = self.pairs_per_batch + sum(count for _, count in self.own)
        labels = np.tile(np.array([[0], [1]], np.float32), (pairs, 1))
        with ThreadPoolExecutor(2) as pool:
            ahead: list[Future[tuple[Float32, Float32]]] = []
            for step in range(first, stop):
                ahead += [
                    pool.submit(self._batch, later, labels)
                    for later in range(step + len(ahead), min(stop, step + AHEAD))
                ]
                yield ahead.pop(0).result()

    def _batch(self, step: int, labels: Float32) -> tuple[Float32, Float32]:
        epoch, number = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.pairs))
        chunk = order[number * self.pairs_per_batch :][: self.pairs_per_batch]
        pictures = [picture for i in chunk for picture in self._pair(int(i), epoch)]
        rng = np.random.default_rng((self.seed, epoch, number, OWN))
        for reals, count in self.own:
            for _ in range(count):
                pictures += augment_pair(*reals.pair(rng), rng, self.augmentation)
        x = to_input(np.stack([resize(picture, self.input_px) for picture in pictures]))
        return x, labels if self.teacher is None else (labels + self.teacher(pictures)) / 2

    def _pair(self, index: int, epoch: int) -> tuple[data.Uint8, data.Uint8]:
        rng = np.random.default_rng((self.seed, epoch, index))
        real, fake = (data.decode(self.crops.images[i]) for i in self.pairs[index])
        return augment_pair(real, fake, rng, self.augmentation)
