"""Training, from the tars of the data folder to an averaged network. One pass: `train(config)`."""

from __future__ import annotations

import csv
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from convert import classifier
from models import meso, registry
from training import crops as data
from training import metrics
from training.augment import Augmentation
from training.feed import Feed
from training.pretrained import start_from_imagenet, start_from_network
from training.schedule import Plan

Float32 = NDArray[np.float32]
RESULTS = Path(__file__).parent / "results" / "runs.csv"


@dataclass(frozen=True, slots=True)
class Config:
    """All that decides a run. The defaults are the recipe of the committed meso3."""

    model: str = "meso3"
    input_px: int = meso.MESO3_INPUT_PX
    start: str = "imagenet"  # "imagenet+meso3": then what Meso-3 learnt; "": from nothing
    epochs: int = 8
    schedule: str = "cycle"  # or "constant", which may be stopped, and cooled down, anywhere
    pairs_per_batch: int = 16
    learning_rate: float = 5e-4
    warmup: float = 0.1  # share of the steps; of one epoch where the rate is constant
    weight_decay: float = 0.02
    label_smoothing: float = 0.05  # some DFDC fakes are hardly touched
    ema: float = 0.998  # decay per step of the averaged weights
    train_norm: bool = False  # else batch norm stays as in ImageNet: half the CPU time
    checkpoint_steps: int = 0  # 0: once an epoch
    seed: int = 20261123
    note: str = ""
    augmentation: Augmentation = field(default_factory=Augmentation)


RECIPES = {
    "meso3": Config(),
    "meso3-full": Config(
        model="meso3-full",
        input_px=meso.FULL_INPUT_PX,
        start="imagenet+meso3",
        schedule="constant",
        learning_rate=2e-4,
        ema=0.995,
        checkpoint_steps=200,
    ),
    # As published but for the recipe: they start from nothing, so their norms must learn.
    "meso4": Config(model="meso4", input_px=256, start="", train_norm=True),
    "mesoinception4": Config(model="mesoinception4", input_px=256, start="", train_norm=True),
}


def train(
    config: Config, folder: Path, data_folder: Path, resume: bool = False, cooldown: int = 0
) -> Path:
    """Train on the train part, measure on the val part at each checkpoint.

    Writes folder/checkpoint.npz for `resume`, folder/NAME.keras with the averaged weights, and
    folder/checkpoints.csv; appends one row to training/results/runs.csv at the end. `cooldown`: end
    that many steps from here, the rate falling to nothing. SIGTERM ends it after a checkpoint.
    Returns the path of the network.
    """
    keras.utils.set_random_seed(config.seed)
    cv2.setNumThreads(1)  # threads prepare whole pairs instead
    train_set = data.read(data_folder / "dfdc224-train.tar")
    val_set = data.read(data_folder / "dfdc224-val.tar")
    how = (config.input_px, config.pairs_per_batch, config.seed, config.augmentation)
    feed = Feed(train_set, *how)
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run.resume(config, feed, folder) if resume else _Run.start(config, feed, folder)
    if cooldown:
        run.plan = run.plan.cooled(run.step, cooldown)
    if run.step >= run.plan.stop:
        raise ValueError(f"{folder} has all its {run.step} steps; ask for more to go on")
    every = config.checkpoint_steps or feed.steps_per_epoch
    with _told_to_stop() as told:
        while run.step < run.plan.stop and not told:
            loss = run.advance(feed, min(run.step - run.step % every + every, run.plan.stop), told)
            run.save(folder)
            auc, (low, high) = run.measure(val_set)
            line = f"loss {loss:.4f}  val AUC {auc:.4f} ({low:.3f} to {high:.3f})"
            print(f"step {run.step}/{run.plan.stop}  {line}  {run.minutes:.1f} min", flush=True)
            epoch = run.step / feed.steps_per_epoch
            row = {"step": run.step, "epoch": epoch, "loss": loss, "val_auc": auc}
            _record(folder / "checkpoints.csv", {**row, "minutes": run.minutes})
    result = {"steps": run.step, "minutes": round(run.minutes, 1), "val_auc": auc}
    row = {**_flat(config), "date": date.today().isoformat(), **result}
    _record(RESULTS, {**row, "val_auc_low": low, "val_auc_high": high})
    return folder / f"{config.model}.keras"


@contextmanager
def _told_to_stop() -> Iterator[list[int]]:
    """A list that is empty until SIGTERM arrives."""
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        yield told
    finally:
        signal.signal(signal.SIGTERM, before)


class _Run:
    """The network, its optimiser, and the running average of its weights."""

    def __init__(self, config: Config, feed: Feed) -> None:
        self.config = config
        self.step = 0
        self.minutes = 0.0
        steps = feed.steps_per_epoch
        warm = config.warmup * steps * (config.epochs if config.schedule == "cycle" else 1)
        self.plan = Plan(config.schedule, config.learning_rate, round(warm), config.epochs * steps)
        self.model: Any = meso.BUILDERS[config.model](config.input_px)
        if "imagenet" in config.start:
            start_from_imagenet(self.model)
        if "meso3" in config.start:
            start_from_network(self.model, classifier.load(registry.spec("meso3").file("keras")))
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
    def start(cls, config: Config, feed: Feed, folder: Path) -> _Run:
        (folder / "checkpoints.csv").unlink(missing_ok=True)
        return cls(config, feed)

    @classmethod
    def resume(cls, config: Config, feed: Feed, folder: Path) -> _Run:
        # Dropout's own state is among the variables: a resumed run repeats no draw.
        run = cls(replace(config, start=""), feed)
        run.config = config
        with np.load(folder / "checkpoint.npz") as saved:
            run.step, run.minutes = int(saved["step"]), float(saved["minutes"])
            if cooldown := int(saved["cooldown"]):
                run.plan = run.plan.cooled(int(saved["stop"]) - cooldown, cooldown)
            run.averaged = [saved[f"averaged{i}"] for i in range(len(run.averaged))]
            for i, variable in enumerate(run._variables()):
                variable.assign(saved[f"variable{i}"])
        return run

    def save(self, folder: Path) -> None:
        """Checkpoint for --resume, and the averaged network for everything else."""
        state = {f"variable{i}": v.numpy() for i, v in enumerate(self._variables())}
        state |= {f"averaged{i}": value for i, value in enumerate(self.averaged)}
        state |= {"stop": self.plan.stop, "cooldown": self.plan.cooldown}
        partial = folder / "checkpoint.part.npz"
        np.savez(partial, step=self.step, minutes=self.minutes, **state)
        partial.replace(folder / "checkpoint.npz")
        averaged = meso.BUILDERS[self.config.model](self.config.input_px)
        averaged.set_weights(self.averaged)
        averaged.save(folder / f"{self.config.model}.keras")

    def advance(self, feed: Feed, stop: int, told: list[int]) -> float:
        """Train up to step `stop`, or to the step at which it is told to; returns the mean loss."""
        started = time.monotonic()
        losses = []
        for x, y in feed.batches(self.step, stop):
            self.model.optimizer.learning_rate = self.plan.rate(self.step)
            losses.append(float(self.model.train_on_batch(x, y)))
            self._average()
            self.step += 1
            if told:
                break
        self.minutes += (time.monotonic() - started) / 60
        return float(np.mean(losses))

    def _average(self) -> None:
        """Exponential moving average, shorter while there is little to average."""
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for mean, value in zip(self.averaged, self.model.get_weights(), strict=True):
            mean += (1 - decay) * (value - mean)

    def measure(self, crops: data.Crops) -> tuple[float, tuple[float, float]]:
        """The AUC of the averaged network, and its interval over people."""
        current = self.model.get_weights()
        self.model.set_weights(self.averaged)
        p_fake = predict(self.model, crops)
        self.model.set_weights(current)
        found = metrics.interval(metrics.auc, crops.fake, p_fake, crops.identities)
        return metrics.auc(crops.fake, p_fake), found

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
        writer = csv.DictWriter(lines, row.keys(), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
