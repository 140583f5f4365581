"""One leg of a training run, from the data folder to a network and its development score."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import keras

from models import keras_files, multihead, registry
from training.data import crops as data
from training.data import tables
from training.fit import development
from training.fit.batches import Batches
from training.fit.examples import Deepfakes, Forgeries, Source, Strangers
from training.fit.pretrained import settle, start_from_imagenet
from training.fit.recipes import Recipe
from training.fit.run import Run, on_cuda
from training.fit.teacher import Taught, in_half, registered
from training.forgery import kinds as forgeries
from training.forgery.landmarks import prepare

RESULTS = Path(__file__).resolve().parents[1] / "results" / "legs.csv"


@dataclass(frozen=True, slots=True)
class Leg:
    """How long a leg is, how often it is measured, and how it ends: all in minutes. `start`: a
    registered network or a .keras file, in place of ImageNet's weights. `steps`: how long it is in
    steps, and `cooldown` too, so that two runs are alike on machines of any speed."""

    minutes: float
    every: float = 8.0
    cooldown: float = 0.0
    start: str | None = None
    note: str = ""
    workers: int = 0  # processes that prepare batches
    echoes: int = 1  # batches of the same pairs
    steps: int | None = None


def run(recipe: Recipe, leg: Leg, out: Path, folder: Path, told: Callable[[], bool]) -> Path:
    """Go on with the run in `out`, or begin it there, until `told` to end or the time is up;
    at least a step.

    Writes out/checkpoint.npz and out/NAME.keras, the averaged network with its heads apart; prints
    a line of losses and head by head AUCs at each checkpoint; appends a row to results/legs.csv.
    Raises ValueError or FileNotFoundError, before any training, if the data or the start is amiss.
    """
    cv2.setNumThreads(1)
    keras.utils.set_random_seed(recipe.seed)
    feed = _feed(recipe, folder, leg)
    quick = list(development.sets(folder, thorough=False))
    training = Run(recipe.model, recipe.optimisation)
    if not training.resume(out):
        training.start_from(start(training.model, leg.start, feed))
    path, left = out / f"{recipe.model}.keras", _left(leg, training)
    row: dict[str, Any] | None = None
    while row is None or not (told() or left() <= 0):
        due = time.monotonic() + leg.every * 60
        loss = training.advance(feed, _over(left, told, due), _rate(left, leg.cooldown))
        training.save(out)
        network = training.network()
        network.save(path)
        rows = [development.measure(network, chosen, recipe.input_px) for chosen in quick]
        row = _row(recipe, leg, training, loss, rows)
        print("  ".join(f"{k} {_short(v)}" for k, v in row.items()), flush=True)
    tables.append(RESULTS, row)
    return path


def sources(recipe: Recipe, folder: Path) -> dict[str, tuple[Source, float]]:
    """What the recipe's batches are drawn from, and how many pairs of each. One kind of own fakes
    is never made, and none that the recipe leaves out."""
    train = data.part(folder, "train")
    gan, composed = (data.read(folder / "extra" / f"{p}-train.tar") for p in ("gan", "photoshop"))
    faces = {
        "own": (prepare(train), recipe.own),
        "own, photos": (prepare(data.read(folder / data.PHOTOS)), recipe.own_photos),
    }
    never = development.HELD_OUT, *([recipe.without] if recipe.without else [])
    found: dict[str, tuple[Source, float]] = {
        "deepfakes": (Deepfakes(train, partial=recipe.deepfakes_partial), recipe.deepfakes),
        "generated": (Strangers(gan, "generated"), recipe.generated),
        "composites": (Strangers(composed, "blend"), recipe.composites),
    }
    for name, (reals, share) in faces.items():
        found[name] = Forgeries(reals, without=never), share
        made = Forgeries(reals, forgeries.GENERATED, without=never)
        found[f"{name}, generated"] = made, recipe.own_generated / len(faces)
    return found


def _feed(recipe: Recipe, folder: Path, leg: Leg) -> Batches | Taught:
    mix = tuple(sources(recipe, folder).values())
    plain = Batches(mix, recipe.pairs, recipe.seed, recipe.views, leg.workers, leg.echoes)
    if not recipe.teacher:
        return plain
    teacher = in_half(recipe.teacher) if on_cuda() else registered(recipe.teacher, plain)
    return Taught(plain, teacher, recipe.input_px)


def start(model: Any, source: str | None, feed: Batches | Taught) -> list[Any]:
    """The weights that a run begins with."""
    if source is None:
        start_from_imagenet(model)
        settle(model, "head", next(feed.steps(0))[0])
        return list(model.get_weights())
    path = Path(source) if source.endswith(".keras") else registry.spec(source).file("keras")
    return list(multihead.heads(keras_files.load(path), model.name).get_weights())


def _left(leg: Leg, training: Run) -> Callable[[], float]:
    """How much of the leg is left, in minutes or in steps."""
    if leg.steps is not None:
        last = training.step + leg.steps
        return lambda: last - training.step
    ends = time.monotonic() + leg.minutes * 60
    return lambda: (ends - time.monotonic()) / 60


def _over(left: Callable[[], float], told: Callable[[], bool], due: float) -> Callable[[], bool]:
    """Whether the leg ends, or a checkpoint is due."""
    return lambda: told() or left() <= 0 or time.monotonic() > due


def _rate(left: Callable[[], float], cooldown: float) -> Callable[[], float]:
    """The share of the learning rate that is due now: it falls over the last part of a leg."""
    if not cooldown:
        return lambda: 1.0
    return lambda: min(1.0, max(0.0, left() / cooldown))


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _row(
    recipe: Recipe, leg: Leg, training: Run, loss: dict[str, float], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    row: dict[str, Any] = {"date": date.today().isoformat(), "model": recipe.model}
    row |= {"step": training.step, "minutes": training.minutes, "pictures": 2 * recipe.pairs}
    row |= {**loss, "score": development.score(rows), "note": leg.note}
    return row | {measured["set"]: measured["head_auc"] for measured in rows}
