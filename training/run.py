"""A training run: the network, its optimiser, the average of its weights, and their checkpoint."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
from numpy.typing import NDArray

from convert import classifier
from models import meso, registry
from training import metrics
from training.data import crops as data
from training.feed import Feed
from training.fit.pretrained import start_from_imagenet, start_from_network
from training.recipes import Config
from training.schedule import Plan

Float32 = NDArray[np.float32]
CHECKPOINT = "checkpoint.npz"


class Run:
    """The network, its optimiser, and the running average of its weights."""

    def __init__(self, config: Config, feed: Feed) -> None:
        self.config = config
        self.step = 0
        self.minutes = 0.0
        steps = feed.steps_per_epoch
        warm = config.warmup * steps * (config.epochs if config.schedule == "cycle" else 1)
        self.plan = Plan(config.schedule, config.learning_rate, round(warm), config.epochs * steps)
        self.model: Any = meso.BUILDERS[config.model](config.input_px)
        for source in filter(None, config.start.split("+")):
            if source == "imagenet":
                start_from_imagenet(self.model)
            else:
                start_from_network(self.model, classifier.load(_network(source)))
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = config.train_norm or layer.name.endswith("head_norm")
            if layer.name.startswith(tuple(config.frozen.split())):
                layer.trainable = False
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
    def start(cls, config: Config, feed: Feed, folder: Path) -> Run:
        (folder / "checkpoints.csv").unlink(missing_ok=True)
        return cls(config, feed)

    @classmethod
    def resume(cls, config: Config, feed: Feed, folder: Path) -> Run:
        """Raises ValueError if the checkpoint is damaged, or of another network."""
        path = folder / CHECKPOINT
        run = cls(replace(config, start=""), feed)
        run.config = config
        try:
            with path.open("rb") as file, np.load(file) as saved:
                run._restore(saved)
        except (KeyError, ValueError, EOFError, BadZipFile) as error:
            raise ValueError(
                f"{path} is damaged, or of another network than {config.model}: {error}"
            ) from error
        return run

    def _restore(self, saved: Any) -> None:
        # Dropout's own state is among the variables: a resumed run repeats no draw.
        self.step, self.minutes = int(saved["step"]), float(saved["minutes"])
        if cooldown := int(saved["cooldown"]):
            self.plan = self.plan.cooled(int(saved["stop"]) - cooldown, cooldown)
        self.averaged = [saved[f"averaged{i}"] for i in range(len(self.averaged))]
        for i, variable in enumerate(self._variables()):
            variable.assign(saved[f"variable{i}"])

    def save(self, folder: Path) -> None:
        """Checkpoint for --resume, and the averaged network for everything else."""
        state = {f"variable{i}": v.numpy() for i, v in enumerate(self._variables())}
        state |= {f"averaged{i}": value for i, value in enumerate(self.averaged)}
        state |= {"stop": self.plan.stop, "cooldown": self.plan.cooldown}
        partial = folder / "checkpoint.part.npz"
        np.savez(partial, step=self.step, minutes=self.minutes, **state)
        partial.replace(folder / CHECKPOINT)
        averaged = meso.BUILDERS[self.config.model](self.config.input_px)
        averaged.set_weights(self.averaged)
        written = folder / f"{self.config.model}.part.keras"  # whole or not at all: a disk may fill
        averaged.save(written)
        written.replace(folder / f"{self.config.model}.keras")

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


def _network(source: str) -> Path:
    return Path(source) if source.endswith(".keras") else registry.spec(source).file("keras")


def predict(model: Any, crops: data.Crops) -> Float32:
    """P(fake) before calibration, float32 [N]."""
    side_px = model.input_shape[1]
    logits = [model.predict_on_batch(x)[:, 0] for x in data.batches(crops, side_px)]
    return np.asarray(1 / (1 + np.exp(-np.concatenate(logits))), np.float32)
