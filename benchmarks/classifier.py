"""How long judging crops takes: Meso-3 and Meso-4 in our runtime, beside Keras and tflite-runtime.

Ours runs as in the service: on all cores, a few crops at a time; Keras' `predict` with all threads
of its own; the networks beside each other, and beside tflite-runtime, in one thread. Meso-4's batch
norms are folded into its convolutions, exactly; Meso-3's were when it was converted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clip import head
from benchmarks.compare import Comparison, Wanted, in_turn, report
from benchmarks.options import Missing, line, option, results
from benchmarks.peers import environments
from benchmarks.peers.networks import NETWORKS, TFLITE, file
from benchmarks.peers.side import Side, Timed
from benchmarks.pictures import saved
from models import registry
from models.preprocess import resize, to_input
from server.analysis.records import Float32
from server.analysis.scoring import sigmoid
from server.config import Settings

KERAS, OLD, ALL_CORES = "keras", "tflite-runtime", "all cores"
SIDES_PX = {"meso3": registry.spec("meso3").input_px, "meso4": 256}
WANTED = {1: Wanted(25), 32: Wanted(6)}  # by batch: times as fast as Keras
BATCHES = tuple(WANTED)


@dataclass(frozen=True, slots=True)
class Options:
    rounds: int = option("how often each batch is judged", 30)
    batches: tuple[int, ...] = option("crops at a time", BATCHES, choices=BATCHES)
    results: Path = results("classifier")


def main(options: Options) -> None:
    """Measure, print, and write `options.results`."""
    comparisons = []
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="mesoscope-crops-"))
        folder = Path(name)
        keras = stack.enter_context(Side("keras_classifier", folder=name))
        sides = {(network, KERAS): keras for network in NETWORKS} | _sides(folder)
        for side in set(sides.values()) - {keras}:
            stack.enter_context(side)
        for batch in options.batches:
            crops = {
                network: saved([_crops(batch, side_px)], folder, f"{network}-{batch}")
                for network, side_px in SIDES_PX.items()
            }
            asked = [(side, crops[network]) for (network, _), side in sides.items()]
            answers = in_turn(asked, options.rounds)
            calls = {name: by_path[0] for name, by_path in zip(sides, answers, strict=True)}
            comparisons += _compared(calls, batch)
        versions = {name: v for side in sides.values() for name, v in side.versions.items()}
    report("classifier", comparisons, line(options), versions, options.results)


def _sides(folder: Path) -> dict[tuple[str, str], Side]:
    """By network and form, and whether on all cores; all but Keras. OLD is the float32 file in
    tflite-runtime."""
    try:
        old = environments.python(OLD)
    except Missing as missing:
        print(missing)
        old = None
    sides = {}
    for network in NETWORKS:
        for form in TFLITE:
            path = str(file(folder, network, form))
            sides[network, form] = Side("our_classifier", path=path, threads=1)
            cores = Settings().cores
            sides[network, f"{form} {ALL_CORES}"] = Side("our_classifier", path=path, threads=cores)
        if old is not None:
            path = str(file(folder, network, "float32"))
            sides[network, OLD] = Side("tflite_runtime_classifier", old, path=path)
    return sides


def _compared(calls: dict[tuple[str, str], list[Timed]], batch: int) -> Iterator[Comparison]:
    def compared(
        ours: tuple[str, str], theirs: tuple[str, str], wanted: Wanted | None, name: str
    ) -> Comparison:
        a, b = calls[ours], calls[theirs]
        notes = {"worst_difference": ""}
        if ours[0] == theirs[0]:
            difference = np.abs(_p_fake(a[0]) - _p_fake(b[0])).max()
            notes = {"worst_difference": f"{difference:.2g}"}
        times = [call.seconds for call in a], [call.seconds for call in b]
        return Comparison(f"{name}-{batch}", " ".join(theirs), *times, wanted, notes=notes)

    for network in SIDES_PX:
        for form in TFLITE:
            against = (network, KERAS), WANTED[batch], f"{network}-{form}"
            yield compared((network, f"{form} {ALL_CORES}"), *against)
        if (network, OLD) in calls:
            against = (network, OLD), None, f"{network}-float32-{OLD}"
            yield compared((network, "float32"), *against)
    for form in TFLITE:
        yield compared(("meso3", form), ("meso4", "float32"), Wanted(1), f"meso3-{form}-meso4")


def _crops(batch: int, side_px: int) -> Float32:
    """Faces, each a little brighter than the one before: float32 [batch, side_px, side_px, 3]."""
    face = resize(head(), side_px).astype(np.int16)
    brighter = [np.clip(face + 2 * number, 0, 255) for number in range(batch)]
    return to_input(np.stack(brighter).astype(np.uint8))


def _p_fake(call: Timed) -> NDArray[np.float64]:
    return sigmoid(np.asarray(call.answer, np.float64).reshape(-1))
