"""A network trained on data of one's own: `python -m training train`.

All that its fakes have in common is learned as one kind, and the network answers with that one
logit. Where the data tells which real a fake was made of, pairs are shown; else any two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np

from models import multihead
from training import metrics
from training.data import crops as data
from training.data import tables
from training.fit.batches import Batches
from training.fit.examples import Deepfakes, Source, Strangers
from training.fit.interrupt import told_to_stop
from training.fit.leg import start
from training.fit.recipes import RECIPES as LEGS
from training.fit.recipes import Recipe
from training.fit.run import CHECKPOINT, Run

RESULTS = Path(__file__).resolve().parents[1] / "results" / "runs.csv"
KIND = multihead.KINDS.index("swap")  # the head that learns
SILENT = -10.0  # the logit of the others: they add 0.00005 to the odds
# By what the network will be called. The small one has no teacher here and sees crops whole.
SMALL = LEGS["small"]
RECIPES = {
    "meso3": replace(
        SMALL,
        teacher="",
        views=replace(SMALL.views, window_px=SMALL.input_px, scale=SMALL.input_px / data.SIDE_PX),
    ),
    "meso3-full": LEGS["swap"],
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is called and how long it is. The rate falls to nothing over the last third of
    `epochs`; `cooldown`: end that many steps from here instead, the rate falling over them.
    `start`: a registered network or a .keras file, in place of ImageNet's weights."""

    name: str = "meso3"
    epochs: int = 8
    cooldown: int = 0
    start: str | None = None
    note: str = ""


def train(recipe: Recipe, plan: Plan, out: Path, folder: Path, resume: bool = False) -> Path:
    """Train on the train part of `folder`, measure on its val part once an epoch.

    Writes out/checkpoint.npz for `resume`, out/NAME.keras with the averaged weights, and
    out/checkpoints.csv; appends one row to training/results/runs.csv at the end. SIGTERM and Ctrl-C
    end it after a checkpoint. Returns the path of the network. Raises ValueError, before any work,
    where a part lacks reals or fakes.
    """
    if resume and not (out / CHECKPOINT).is_file():
        raise FileNotFoundError(f"{out} has no {CHECKPOINT} to go on from: leave out --resume")
    keras.utils.set_random_seed(recipe.seed)
    cv2.setNumThreads(1)  # a thread prepares batches instead
    training = Training(recipe, plan, out, folder, resume)
    if training.run.step >= training.stop:
        raise ValueError(f"{out} has all its {training.run.step} steps; ask for more to go on")
    measured: dict[str, float] = {}
    with told_to_stop() as told:
        while training.run.step < training.stop and not (told and measured):
            measured = training.advance(told)
    row: dict[str, Any] = {
        "model": plan.name,
        "date": date.today().isoformat(),
        "start": plan.start or "imagenet",
    }
    row |= {"epochs": plan.epochs, "pairs_per_batch": recipe.pairs, "seed": recipe.seed}
    row |= {"steps": training.run.step, "minutes": round(training.run.minutes, 1)}
    tables.append(RESULTS, {**row, **measured, "note": plan.note})
    return training.path


class Training:
    """A run, the data that it learns from and is measured on, and the network that it leaves."""

    def __init__(self, recipe: Recipe, plan: Plan, out: Path, folder: Path, resume: bool) -> None:
        self.path, self._input_px = out / f"{plan.name}.keras", recipe.input_px
        self._val, crops = parts(folder)
        views = recipe.views
        self._feed = Batches(((source(crops), 1.0),), recipe.pairs, recipe.seed, views)
        self.run = Run(recipe.model, recipe.optimisation)
        if resume:
            self.run.resume(out)
        else:
            self.run.start_from(start(self.run.model, plan.start, self._feed))
            self._table.unlink(missing_ok=True)
        self._epoch = max(1, int(np.count_nonzero(crops.fake)) // recipe.pairs)
        step = self.run.step
        self.stop = step + plan.cooldown if plan.cooldown else plan.epochs * self._epoch
        self._falling = plan.cooldown or self.stop // 3

    @property
    def _table(self) -> Path:
        return self.path.parent / "checkpoints.csv"

    def advance(self, told: list[int]) -> dict[str, float]:
        """Train to the next checkpoint, or until told to stop; what the val part then gives."""
        step = self.run.step
        end = min(step - step % self._epoch + self._epoch, self.stop)
        loss = self.run.advance(
            self._feed,
            lambda: bool(told) or self.run.step >= end,
            lambda: min(1.0, (self.stop - self.run.step) / (self._falling + 1)),
        )["loss"]
        self.run.save(self.path.parent)
        network = self._network()
        network.save(partial := self.path.with_suffix(".part.keras"))
        partial.replace(self.path)  # whole or not at all: a disk may fill
        measured, run = measure(network, self._val), self.run
        line = "  ".join(f"{name} {value:.4f}" for name, value in measured.items())
        print(
            f"step {run.step}/{self.stop}  loss {loss:.4f}  {line}  {run.minutes:.1f} min",
            flush=True,
        )
        row = {"step": run.step, "epoch": run.step / self._epoch, "loss": loss, **measured}
        tables.append(self._table, {**row, "minutes": run.minutes})
        return measured

    def _network(self) -> Any:
        """The averaged network with one logit, that of the head that learned."""
        scale, offset = np.zeros(len(multihead.KINDS)), np.full(len(multihead.KINDS), SILENT)
        scale[KIND], offset[KIND] = 1, 0
        averaged = self.run.network()
        return multihead.verdict(averaged, scale, offset, self._input_px, self.path.stem)


def parts(folder: Path) -> tuple[data.Crops, data.Crops]:
    """The val and the train part. Raises ValueError where one lacks reals or fakes."""
    val, train = (
        data.need_both(data.part(folder, name), f"the {name} part of {folder}")
        for name in ("val", "train")
    )
    return val, train


def source(crops: data.Crops) -> Source:
    """Each fake with the real that it was made of, if that is known of most; else with any."""
    if 2 * len(crops.pairs()) >= np.count_nonzero(crops.fake):
        return Deepfakes(crops)
    return Strangers(crops, multihead.KINDS[KIND])


def measure(network: Any, crops: data.Crops) -> dict[str, float]:
    """The AUC of a network with one logit, and its interval over people."""
    batches = data.batches(crops, network.input_shape[1])
    logits = np.concatenate([network.predict_on_batch(x)[:, 0] for x in batches])
    low, high = metrics.interval(metrics.auc, crops.fake, logits, crops.identities)
    found = metrics.auc(crops.fake, logits)
    return {"val_auc": found, "val_auc_low": low, "val_auc_high": high}
