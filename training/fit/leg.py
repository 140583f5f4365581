"""One leg of a training run, from the data folder to a network and its development score."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import keras

from training import crops as data
from training.fit import development
from training.fit.batches import Batches, Views
from training.fit.examples import Deepfakes, Forgeries, Strangers
from training.fit.run import Optimisation, Run
from training.fit.teacher import Taught
from training.forgery import kinds as forgeries
from training.forgery.landmarks import SIDE_PX, prepare
from training.pretrained import start_from_imagenet


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run. The shares are pairs in a batch of `pairs`, on average."""

    model: str = "meso3-full"
    pairs: int = 16
    deepfakes: float = 5
    own: float = 4  # of DFDC's reals
    own_photos: float = 4
    own_generated: float = 0.5
    generated: float = 1.75
    composites: float = 0.75
    seed: int = 20261126
    views: Views = field(default_factory=Views)
    # A student sees windows of the teacher's size, scaled to `input_px`.
    teacher: Path | None = None  # a .keras file of a multi-head network
    input_px: int = SIDE_PX
    optimisation: Optimisation = field(default_factory=Optimisation)


def batches(recipe: Recipe, folder: Path) -> Batches:
    train = data.part(folder, "train")
    photos = data.read(folder / "fairface-adult-train.tar")
    gan, composed = (data.read(folder / "extra" / f"{p}-train.tar") for p in ("gan", "photoshop"))
    faces, portraits = prepare(train), prepare(photos)
    out = (development.HELD_OUT,)
    mix: list[tuple[Any, float]] = [
        (Deepfakes(train), recipe.deepfakes),
        (Forgeries(faces, without=out), recipe.own),
        (Forgeries(portraits, without=out), recipe.own_photos),
        (Strangers(gan, "generated"), recipe.generated),
        (Strangers(composed, "blend"), recipe.composites),
    ]
    if forgeries.GENERATED:
        mix.append((Forgeries(faces, forgeries.GENERATED), recipe.own_generated / 2))
        mix.append((Forgeries(portraits, forgeries.GENERATED), recipe.own_generated / 2))
    return Batches(tuple(mix), recipe.pairs, recipe.seed, recipe.views)


def _feed(recipe: Recipe, folder: Path) -> Batches | Taught:
    plain = batches(recipe, folder)
    if recipe.teacher is None:
        return plain
    return Taught(plain, keras.models.load_model(recipe.teacher), recipe.input_px)


def leg(
    recipe: Recipe, out: Path, folder: Path, minutes: float, told: Any, every: float = 8.0
) -> Run:
    """Go on with the run in `out` for `minutes`; a checkpoint and a short measure `every` so many.

    Writes out/checkpoint.npz, out/NAME.keras (the averaged network) and out/legs.jsonl.
    """
    cv2.setNumThreads(1)
    keras.utils.set_random_seed(recipe.seed)
    run = Run(recipe.model, recipe.optimisation)
    if not run.resume(out):
        start_from_imagenet(run.model)
        run.start_from(run.model.get_weights())
    feed = _feed(recipe, folder)
    quick = list(development.sets(folder, thorough=False))
    ends = time.monotonic() + minutes * 60
    while time.monotonic() < ends and not told():
        until = min(ends, time.monotonic() + every * 60)
        loss = run.advance(feed, 10**9, lambda until=until: told() or time.monotonic() > until)
        run.save(out)
        network = run.network()
        network.save(out / f"{recipe.model}.keras")
        rows = [development.measure(network, chosen, recipe.input_px) for chosen in quick]
        line = {"step": run.step, "minutes": run.minutes, **loss, "score": development.score(rows)}
        line |= {row["set"]: [round(row["head_auc"], 4), round(row["auc"], 4)] for row in rows}
        with (out / "legs.jsonl").open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
    return run
