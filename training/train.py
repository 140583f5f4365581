"""Training, from the tars of the data folder to an averaged network. One pass: `train(config)`."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models import meso
from models.preprocess import resize, to_input
from training import crops as data
from training import metrics
from training.augment import Augmentation, augment_pair
from training.pretrained import start_from_imagenet

Float32 = NDArray[np.float32]
RESULTS = Path(__file__).parent / "results" / "runs.csv"


@dataclass(frozen=True, slots=True)
class Config:
    """All that decides a run. The defaults are the recipe of the committed meso3."""

    model: str = "meso3"
    input_px: int = meso.MESO3_INPUT_PX
    epochs: int = 8
    pairs_per_batch: int = 16
    learning_rate: float = 5e-4
    warmup: float = 0.1  # share of the steps
    weight_decay: float = 0.02
    label_smoothing: float = 0.05  # some DFDC fakes are hardly touched
    ema: float = 0.998  # decay per step of the averaged weights
    imagenet: bool = True
    train_norm: bool = False  # else batch norm stays as in ImageNet: half the CPU time
    seed: int = 20261123
    note: str = ""
    augmentation: Augmentation = field(default_factory=Augmentation)


def train(config: Config, folder: Path, data_folder: Path, resume: bool = False) -> Path:
    """Train on the train part, measure on the val part after each epoch.

    Writes folder/checkpoint.npz after each epoch and folder/NAME.keras with the averaged weights;
    appends one row to training/results/runs.csv at the end. Returns the path of the network.
    """
    keras.utils.set_random_seed(config.seed)
    cv2.setNumThreads(1)  # threads prepare whole pairs instead
    train_set = data.read(data_folder / "dfdc224-train.tar")
    val_set = data.read(data_folder / "dfdc224-val.tar")
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run.resume(config, folder) if resume else _Run.start(config, folder)
    if run.epoch >= config.epochs:
        raise ValueError(f"{folder} has its {run.epoch} epochs; ask for more to go on")
    steps = len(train_set.pairs()) // config.pairs_per_batch
    for epoch in range(run.epoch, config.epochs):
        started = time.monotonic()
        loss = run.train_epoch(batches(train_set, config, epoch), epoch, steps)
        p_fake = run.predict_averaged(val_set)
        val_auc = metrics.auc(val_set.fake, p_fake)
        low, high = metrics.interval(metrics.auc, val_set.fake, p_fake, val_set.identities)
        run.minutes += (time.monotonic() - started) / 60
        run.save(epoch + 1, folder)
        line = f"loss {loss:.4f}  val AUC {val_auc:.4f} ({low:.3f} to {high:.3f})"
        print(f"epoch {epoch + 1}/{config.epochs}  {line}  {run.minutes:.1f} min", flush=True)
        _record(folder / "epochs.csv", {"epoch": epoch + 1, "loss": loss, "val_auc": val_auc})
    row = {"date": date.today().isoformat(), "minutes": round(run.minutes, 1), "val_auc": val_auc}
    _record(RESULTS, {**_flat(config), **row, "val_auc_low": low, "val_auc_high": high})
    return folder / f"{config.model}.keras"


def batches(crops: data.Crops, config: Config, epoch: int) -> Iterator[tuple[Float32, Float32]]:
    """One epoch of (float32 [2P, S, S, 3], labels float32 [2P, 1]); the same for the same seed.

    Each batch holds P reals and their own fakes. Threads stay a few batches ahead.
    """
    pairs = crops.pairs()
    order = np.random.default_rng((config.seed, epoch)).permutation(len(pairs))
    count = len(pairs) // config.pairs_per_batch
    chunks = np.array_split(order[: count * config.pairs_per_batch], count)
    labels = np.tile(np.array([[0], [1]], np.float32), (config.pairs_per_batch, 1))

    def prepare(chunk: NDArray[np.intp]) -> Float32:
        return to_input(np.stack([p for i in chunk for p in _pair(crops, pairs, i, config, epoch)]))

    with ThreadPoolExecutor(2) as pool:
        ahead: list[Future[Float32]] = [pool.submit(prepare, chunk) for chunk in chunks[:4]]
        for chunk in [*chunks[4:], *[None] * min(4, count)]:
            yield ahead.pop(0).result(), labels
            if chunk is not None:
                ahead.append(pool.submit(prepare, chunk))


def _pair(
    crops: data.Crops, pairs: NDArray[np.intp], index: int, config: Config, epoch: int
) -> list[data.Uint8]:
    rng = np.random.default_rng((config.seed, epoch, int(index)))
    real, fake = (data.decode(crops.images[i]) for i in pairs[index])
    changed = augment_pair(real, fake, rng, config.augmentation)
    return [resize(picture, config.input_px) for picture in changed]


def learning_rate(step: int, total: int, config: Config) -> float:
    """One cycle: up in a line, down along a cosine."""
    warm = max(1, round(total * config.warmup))
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2


class _Run:
    """The network, its optimiser, and the running average of its weights."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.epoch = 0
        self.minutes = 0.0
        self.model: Any = meso.BUILDERS[config.model](config.input_px)
        if config.imagenet:
            start_from_imagenet(self.model)
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = config.train_norm or layer.name == "head_norm"
        optimizer = keras.optimizers.AdamW(
            config.learning_rate, weight_decay=config.weight_decay, clipnorm=1.0
        )
        loss = keras.losses.BinaryCrossentropy(
            from_logits=True, label_smoothing=config.label_smoothing
        )
        self.model.compile(optimizer, loss, jit_compile=False)
        optimizer.build(self.model.trainable_variables)
        self.averaged = self.model.get_weights()

    @classmethod
    def start(cls, config: Config, folder: Path) -> _Run:
        (folder / "epochs.csv").unlink(missing_ok=True)
        return cls(config)

    @classmethod
    def resume(cls, config: Config, folder: Path) -> _Run:
        run = cls(config)
        with np.load(folder / "checkpoint.npz") as saved:
            run.epoch, run.minutes = int(saved["epoch"]), float(saved["minutes"])
            run.averaged = [saved[f"averaged{i}"] for i in range(len(run.averaged))]
            for i, variable in enumerate(run._variables()):
                variable.assign(saved[f"variable{i}"])
        return run

    def save(self, epoch: int, folder: Path) -> None:
        """Checkpoint for --resume, and the averaged network for everything else."""
        state = {f"variable{i}": v.numpy() for i, v in enumerate(self._variables())}
        state |= {f"averaged{i}": value for i, value in enumerate(self.averaged)}
        partial = folder / "checkpoint.part.npz"
        np.savez(partial, epoch=epoch, minutes=self.minutes, **state)
        partial.replace(folder / "checkpoint.npz")
        averaged = meso.BUILDERS[self.config.model](self.config.input_px)
        averaged.set_weights(self.averaged)
        averaged.save(folder / f"{self.config.model}.keras")

    def train_epoch(
        self, epoch_batches: Iterator[tuple[Float32, Float32]], epoch: int, steps: int
    ) -> float:
        """One pass over the batches; returns the mean loss."""
        losses = []
        for step, (x, y) in enumerate(tqdm(epoch_batches, total=steps, mininterval=10)):
            rate = learning_rate(epoch * steps + step, self.config.epochs * steps, self.config)
            self.model.optimizer.learning_rate = rate
            losses.append(float(self.model.train_on_batch(x, y)))
            self._average(epoch * steps + step)
        return float(np.mean(losses))

    def _average(self, step: int) -> None:
        """Exponential moving average, shorter while there is little to average."""
        decay = min(self.config.ema, (1 + step) / (10 + step))
        for mean, value in zip(self.averaged, self.model.get_weights(), strict=True):
            mean += (1 - decay) * (value - mean)

    def predict_averaged(self, crops: data.Crops) -> Float32:
        """P(fake), float32 [N], of the averaged network."""
        current = self.model.get_weights()
        self.model.set_weights(self.averaged)
        p_fake = predict(self.model, crops)
        self.model.set_weights(current)
        return p_fake

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]


def predict(model: Any, crops: data.Crops) -> Float32:
    """P(fake) before calibration, float32 [N]."""
    side_px = model.input_shape[1]
    logits = [model.predict_on_batch(x)[:, 0] for x in data.batches(crops, side_px)]
    return np.asarray(1 / (1 + np.exp(-np.concatenate(logits))), np.float32)


def _flat(config: Config) -> dict[str, Any]:
    values = asdict(config)
    values.pop("augmentation")
    return values


def _record(path: Path, row: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, row.keys())
        if new:
            writer.writeheader()
        writer.writerow({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
