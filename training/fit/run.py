"""A training run in legs: the network, its optimiser and the running average of its weights.

The rate is constant, so that a run may end anywhere, best by a last leg over which it falls; the
averaged weights are good at any time. A network kept without its optimiser is a start too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from models import multihead
from training.fit.batches import Batches
from training.fit.losses import Weights, kinds_loss, places_loss
from training.fit.teacher import Taught, computing

Float32 = NDArray[np.float32]
CHECKPOINT = "checkpoint.npz"
USUAL = 0.2  # root mean square of a kernel that is trained at the rate itself
TRUNK = ("stem", "stage")


@dataclass(frozen=True, slots=True)
class Optimisation:
    """`ema` is the decay per step of the averaged weights; the rate rises over `warm` steps."""

    learning_rate: float = 5e-4
    weight_decay: float = 0.02
    warm: int = 200
    ema: float = 0.999
    policy: str = "float32"  # of Keras; "mixed_float16" trains twice as fast on a GPU
    loss: Weights = field(default_factory=Weights)


class Proportional(keras.optimizers.AdamW):
    """AdamW whose step in a convolution of the trunk is in proportion to the size of its kernel.

    Where batch norm is folded in, kernels of one network differ by a factor of twenty, and one rate
    for all shakes the small ones while the large ones hardly move. (After the trust ratio of You et
    al., "Large batch optimization", 2020; but fixed where training starts.)
    """

    def measure(self, layers: Iterable[Any]) -> None:
        """Take the sizes of the kernels of `layers` as they are now."""
        kernels = {self._get_variable_index(layer.kernel): layer.kernel for layer in layers}
        self.sizes = {n: _size(k) for n, k in kernels.items()}

    def share(self, variable: Any) -> float:
        """Of the rate, for `variable`."""
        return self.sizes.get(self._get_variable_index(variable), USUAL) / USUAL

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient, variable, learning_rate * self.share(variable))


class Run:
    """Built from a start, or from the checkpoint of a folder: see `resume`."""

    def __init__(self, model: str, how: Optimisation) -> None:
        self.how, self.step, self.minutes = how, 0, 0.0
        self.name = model
        with computing(how.policy):
            self.model: Any = multihead.BUILDERS[model]()
        self.steps = Proportional(how.learning_rate, weight_decay=how.weight_decay, clipnorm=1.0)
        losses = {"kinds": kinds_loss(how.loss), "places": places_loss(how.loss)}
        self.model.compile(self.steps, losses, jit_compile=False)
        self.model.optimizer.build(self.model.trainable_variables)
        self.averaged = self._weights()
        self._begun = 0  # the step from which the rate rises: the optimiser knows nothing yet
        self._measure()

    def start_from(self, weights: list[Float32]) -> None:
        self.model.set_weights(weights)
        self.averaged = self._weights()
        self._measure()

    def resume(self, folder: Path) -> bool:
        """Go on from the checkpoint in `folder`, where there is one.

        Raises ValueError if it is damaged or of another network.
        """
        path = folder / CHECKPOINT
        if not path.is_file():
            return False
        try:
            with path.open("rb") as file, np.load(file) as kept:
                self.step, self.minutes = int(kept["step"]), float(kept["minutes"])
                for n, variable in enumerate(self._variables()):
                    variable.assign(kept[f"variable{n}"])
                self.averaged = [
                    ops.convert_to_tensor(kept[f"average{n}"]) for n in range(len(self.averaged))
                ]
                sizes = zip(self.steps.sizes, kept["sizes"].tolist(), strict=True)
                self.steps.sizes = dict(sizes)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path} is no checkpoint of {self.name}: {error}") from error
        self._begun = -self.how.warm
        return True

    def save(self, folder: Path) -> None:
        """Replace the checkpoint; the old one stays until the new one is whole."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {f"variable{n}": np.asarray(v) for n, v in enumerate(self._variables())}
        state |= {f"average{n}": w for n, w in enumerate(self.network_weights())}
        partial = folder / f"part-{CHECKPOINT}"
        sizes = list(self.steps.sizes.values())
        np.savez(partial, step=self.step, minutes=self.minutes, sizes=sizes, **state)
        partial.replace(folder / CHECKPOINT)

    def network(self) -> keras.Model:
        """The averaged network."""
        network = multihead.BUILDERS[self.name]()
        network.set_weights(self.network_weights())
        return network

    def network_weights(self) -> list[Float32]:
        """The averaged weights."""
        return [ops.convert_to_numpy(weight) for weight in self.averaged]

    def advance(
        self, batches: Batches | Taught, over: Callable[[], bool], rate: Callable[[], float]
    ) -> dict[str, float]:
        """Train at least a step, until it is over; returns the mean of each loss. `rate`: the share
        of the learning rate that is due."""
        started, learn = time.monotonic(), _learner(self, batches)
        for x, labels in learn.batches(self.step):
            rise = min(1.0, (self.step - self._begun + 1) / max(1, self.how.warm))
            # The running average is shorter while there is little to average.
            decay = min(self.how.ema, (1 + self.step) / (10 + self.step))
            learn(x, labels, self.how.learning_rate * rise * rate(), decay)
            self.step += 1
            if over():
                break
        self.minutes += (time.monotonic() - started) / 60
        return learn.losses()

    def _weights(self) -> list[Any]:
        return [ops.copy(ops.stop_gradient(weight.value)) for weight in self.model.weights]

    def _measure(self) -> None:
        self.steps.measure(
            layer for layer in self.model.layers if layer.weights and layer.name.startswith(TRUNK)
        )

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]


class ByKeras:
    """Learns from a batch by Keras alone; graph.Step does the same on a GPU."""

    def __init__(self, run: Run, batches: Batches | Taught) -> None:
        self.batches, self._run = batches.steps, run
        self._losses: list[dict[str, Any]] = []

    def __call__(self, x: Float32, labels: dict[str, Float32], rate: float, decay: float) -> None:
        run = self._run
        run.steps.learning_rate = rate
        self._losses.append(run.model.train_on_batch(x, labels, return_dict=True))
        pairs = zip(run.averaged, run.model.weights, strict=True)
        run.averaged = [
            mean + (1 - decay) * (ops.stop_gradient(now.value) - mean) for mean, now in pairs
        ]

    def losses(self) -> dict[str, float]:
        return {n: float(np.mean([loss[n] for loss in self._losses])) for n in self._losses[0]}


def on_cuda() -> bool:
    """Whether Keras computes with PyTorch on a GPU."""
    if keras.config.backend() != "torch":
        return False
    import torch

    return bool(torch.cuda.is_available())


def _learner(run: Run, batches: Batches | Taught) -> Any:
    if not on_cuda():
        return ByKeras(run, batches)
    from training.fit import graph

    return graph.step(run, batches)


def _size(kernel: Any) -> float:
    return float(np.sqrt(np.mean(np.square(kernel.numpy()))))
