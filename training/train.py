"""Training, from the tars of the data folder to an averaged network. One pass: `train(config)`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from training.data import crops as data
from training.data import tables
from training.evaluate import model as evaluate
from training.feed import Feed, Teacher
from training.fit.interrupt import told_to_stop
from training.forgery.donors import Reals, reals
from training.recipes import Config
from training.run import CHECKPOINT, Run

Float32 = NDArray[np.float32]
RESULTS = Path(__file__).parent / "results" / "runs.csv"


def train(
    config: Config, folder: Path, data_folder: Path, resume: bool = False, cooldown: int = 0
) -> Path:
    """Train on the train part, measure on the val part at each checkpoint.

    Writes folder/checkpoint.npz for `resume`, folder/NAME.keras with the averaged weights, and
    folder/checkpoints.csv; appends one row to training/results/runs.csv at the end. `cooldown`: end
    that many steps from here, the rate falling to nothing. SIGTERM and Ctrl-C end it after a
    checkpoint. Returns the path of the network. Raises ValueError, before any work, where a part
    lacks reals or fakes.
    """
    if resume and not (folder / CHECKPOINT).is_file():
        raise FileNotFoundError(f"{folder} has no {CHECKPOINT} to go on from: leave out --resume")
    keras.utils.set_random_seed(config.seed)
    cv2.setNumThreads(1)  # threads prepare whole pairs instead
    val_set = data.need_both(data.part(data_folder, "val"), f"the val part of {data_folder}")
    train_set = data.need_both(data.part(data_folder, "train"), f"the train part of {data_folder}")
    teacher = _teacher(config.teacher) if config.teacher else None
    folder.mkdir(parents=True, exist_ok=True)
    feed = Feed(
        train_set,
        config.input_px,
        config.pairs_per_batch,
        config.seed,
        config.augmentation,
        tuple(_own(config, train_set, data_folder, folder)),
        teacher,
    )
    run = Run.resume(config, feed, folder) if resume else Run.start(config, feed, folder)
    if cooldown:
        run.plan = run.plan.cooled(run.step, cooldown)
    if run.step >= run.plan.stop:
        raise ValueError(f"{folder} has all its {run.step} steps; ask for more to go on")
    measured = _train(run, feed, val_set, folder)
    result = {"steps": run.step, "minutes": round(run.minutes, 1), **measured}
    tables.append(RESULTS, {**_flat(config), "date": date.today().isoformat(), **result})
    return folder / f"{config.model}.keras"


def _train(run: Run, feed: Feed, val_set: data.Crops, folder: Path) -> dict[str, float]:
    """Train to the plan's end, or until told to stop; what the last checkpoint reached on val."""
    every = run.config.checkpoint_steps or feed.steps_per_epoch
    measured: dict[str, float] = {}
    with told_to_stop() as told:
        while run.step < run.plan.stop and not (told and measured):
            loss = run.advance(feed, min(run.step - run.step % every + every, run.plan.stop), told)
            run.save(folder)
            auc, (low, high) = run.measure(val_set)
            line = f"loss {loss:.4f}  val AUC {auc:.4f} ({low:.3f} to {high:.3f})"
            print(f"step {run.step}/{run.plan.stop}  {line}  {run.minutes:.1f} min", flush=True)
            epoch = run.step / feed.steps_per_epoch
            row = {"step": run.step, "epoch": epoch, "loss": loss, "val_auc": auc}
            tables.append(folder / "checkpoints.csv", {**row, "minutes": run.minutes})
            measured = {"val_auc": auc, "val_auc_low": low, "val_auc_high": high}
    return measured


def _own(
    config: Config, train_set: data.Crops, data_folder: Path, cache: Path
) -> Iterator[tuple[Reals, int]]:
    if config.own_pairs:
        yield reals(train_set, cache), config.own_pairs
    if config.photo_pairs:
        photos = data.read(data_folder / data.PHOTOS)
        yield reals(photos, cache), config.photo_pairs


def _teacher(source: str) -> Teacher:
    """P(fake) of a trained network, before calibration."""
    model = replace(evaluate.load(source), calibration=None)
    return lambda pictures: evaluate.p_fake_of(model, pictures)[:, None]


def _flat(config: Config) -> dict[str, Any]:
    values = asdict(config)
    values.pop("augmentation")
    return values
