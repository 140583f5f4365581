"""What 16-bit floats would do to the full networks: is what they say still what they say in
float32, as TFLite does?

Each network alone computes in a mixed precision of Keras, float32 weights cast for each use, the
last layer in float32, while the others stay in float32; then all three of the cascade together.
With those that hold by themselves whole checks are made as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks import backends, options
from benchmarks.agreement import frames
from benchmarks.backends import MOST_DP, MOST_PX
from benchmarks.compare import write
from benchmarks.machine import setting
from benchmarks.options import line, needed, option
from models import keras_files, mtcnn, registry
from server.analysis import boxes
from server.analysis.faces import FaceFinder
from server.analysis.records import Faces, Float32
from server.analysis.runtimes.base import Runtime
from server.gpu import device
from server.gpu.keras import KerasNetworks
from server.terms import AnalysisOptions
from training.data import crops as data

CLASSIFIER = "meso3"
CASCADE = ("proposals", "rnet", "onet")
PRECISIONS = ("mixed_float16", "mixed_bfloat16")
BATCH = 64
CHECKS = AnalysisOptions(samples_per_s=0.5, explain=False, model=CLASSIFIER)


@dataclass(frozen=True, slots=True)
class Row:
    """The largest difference that a precision of some networks makes."""

    networks: str
    precision: str
    backend: str
    measure: str  # "P(fake)", "boxes, px", "P(fake) of whole checks"
    looked_at: int  # crops, frames, or clips
    changed: int  # faces lost or new; of whole checks, clips with another label or other faces
    worst: float
    median: float
    allowed: float

    @property
    def holds(self) -> bool:
        return self.changed == 0 and self.worst <= self.allowed


class Mixed:
    """base.Networks: those of `lowered` in another precision, the others in float32."""

    def __init__(self, full: KerasNetworks, low: KerasNetworks, lowered: Sequence[str]) -> None:
        self._full, self._low, self._lowered = full, low, lowered

    def open(self, network: str) -> Runtime:
        return (self._low if network in self._lowered else self._full).open(network)


def rows(crops: Float32, paths: Sequence[Path], frames_per_clip: int) -> Iterator[Row]:
    """Those of each precision. `crops` as the classifier takes them; `paths` of clips."""
    full = KerasNetworks()
    where = f"keras on {device.backend()}, {full.device}"
    pictures = [rgb for path in paths for rgb in frames(path, frames_per_clip)]
    p_full = _p_fake(full.open(CLASSIFIER), crops)
    faces_full = [FaceFinder(networks=full).find(picture) for picture in pictures]
    for precision in PRECISIONS:
        low = lowered(precision)
        apart = np.abs(_p_fake(low.open(CLASSIFIER), crops) - p_full)
        yield Row(
            CLASSIFIER, precision, where, "P(fake)", len(crops), 0, *_summary(apart), MOST_DP
        )  # fmt: skip
        hold = []
        for some in (*[(network,) for network in CASCADE], CASCADE):
            found = map(FaceFinder(networks=Mixed(full, low, some)).find, pictures)
            pairs = [compared(*both) for both in zip(found, faces_full, strict=True)]
            changed = sum(count for count, _ in pairs)
            px = np.concatenate([moved for _, moved in pairs])
            row = Row(
                " + ".join(some), precision, where, "boxes, px", len(pictures), changed,
                *_summary(px), MOST_PX,
            )  # fmt: skip
            hold += some if row.holds and len(some) == 1 else ()
            yield row
        if hold:
            checks = list(backends.rows(list(paths), CHECKS, Mixed(full, low, hold)))
            changed = sum(not check.same_labels for check in checks)
            dp = np.array([check.dp for check in checks], np.float32)
            yield Row(
                " + ".join(hold), precision, where, "P(fake) of whole checks", len(checks), changed,
                *_summary(dp), MOST_DP,
            )  # fmt: skip


def compared(found: Faces, expected: Faces) -> tuple[int, Float32]:
    """How many faces are in one only, and by how many px the boxes of the others differ [N]."""
    overlap = boxes.iou(expected.boxes, found.boxes)
    if not overlap.size:
        return len(found) + len(expected), np.empty(0, np.float32)
    nearest = overlap.argmax(axis=1)
    same = overlap.max(axis=1) > 0.5
    moved = np.abs(found.boxes[nearest[same]] - expected.boxes[same]).max(axis=1)
    return len(found) + len(expected) - 2 * int(same.sum()), moved


def lowered(precision: str) -> KerasNetworks:
    """All networks with their computing in `precision`, but for each one's last layer."""
    networks = KerasNetworks()
    with _loading_in(precision):
        for network in (CLASSIFIER, *CASCADE):
            networks.open(network)
    return networks


@contextmanager
def _loading_in(precision: str) -> Iterator[None]:
    """Have whatever loads a network set the precision of its layers."""

    def setting_it(load: Any) -> Any:
        def loaded(*arguments: Any) -> Any:
            model = load(*arguments)
            for layer in model.layers[:-1]:
                layer.dtype_policy = precision
            return model

        return loaded

    with (
        patch.object(keras_files, "load", setting_it(keras_files.load)),
        patch.object(mtcnn, "filled", setting_it(mtcnn.filled)),
    ):
        yield


@dataclass(frozen=True, slots=True)
class Options:
    crops: int = option("of the val part", 200)
    frames_per_clip: int = option("evenly spread", 3)
    data: Path = options.data()
    results: Path = options.results("precision")


def main(asked: Options) -> None:
    """Measure, print, and write `asked.results`. Raises Missing."""
    needed(asked.data, "dfdc224-val.tar")
    val = data.part(asked.data, "val")
    some = val.take(np.linspace(0, len(val) - 1, asked.crops).astype(int))
    looked_at = np.concatenate(list(data.batches(some, registry.spec(CLASSIFIER).input_px)))
    done = []
    for row in rows(looked_at, backends.clips(asked.data), asked.frames_per_clip):
        done.append(row)
        print(
            f"{row.networks} in {row.precision}: {row.measure} off by {row.worst:g} "
            f"(median {row.median:g}; allowed {row.allowed:g}) of {row.looked_at}, {row.changed} "
            f"changed; {'holds' if row.holds else 'does not hold'}",
            flush=True,
        )
    about = setting(line(asked), ("keras", device.backend()))
    write([{**asdict(row), "holds": row.holds} for row in done], about, asked.results)


def _p_fake(runtime: Runtime, crops: Float32) -> Float32:
    parts = [runtime.run(crops[i : i + BATCH])[:, 0] for i in range(0, len(crops), BATCH)]
    return np.asarray((1 + np.tanh(np.concatenate(parts) / 2)) / 2, np.float32)


def _summary(apart: Float32) -> tuple[float, float]:
    """The largest and the median."""
    if not len(apart):
        return 0.0, 0.0
    return float(f"{apart.max():.2g}"), float(f"{np.median(apart):.2g}")
