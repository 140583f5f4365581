"""How far from what is possible: each stage's arithmetic at this core's peak, beside what it takes.

Prints a page of Markdown from results/*.csv, as measured; nothing in it is written by hand. The
arithmetic is that of the exact pyramid at the smallest face of each row, of one face, or of the
pixels that must be moved. Neither the interpreter nor what looks at the networks' answers is in it.
"""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.detector import SIZES
from benchmarks.options import HERE, option
from benchmarks.peers.networks import TFLITE
from benchmarks.peers.side import ROOT
from benchmarks.pipeline import MIN_FACE_PX
from convert.inspect import inspect
from models import registry
from models.pyramid import PYRAMID_STEP, SMALLEST_PX, STRIDE_PX, WINDOW_PX

# Multiply-adds for each pixel of the P-Net's input: a convolution on all, the others on one in
# STRIDE_PX squared.
PNET_MACS = 3 * 3 * 3 * 10 + (3 * 3 * 10 * 16 + 3 * 3 * 16 * 32 + 32 * 5) / STRIDE_PX**2
YUV_BYTES = 1.5  # of a decoded pixel; it is written, and read from two pictures to predict it
RGB_BYTES = 3


@dataclass(frozen=True, slots=True)
class Peak:
    """Of one core, single precision: multiply-adds and bytes moved a second."""

    macs_per_s: float
    bytes_per_s: float


@dataclass(frozen=True, slots=True)
class Stage:
    """`floor_s` by arithmetic; `reached_s` as measured, None where it was not."""

    name: str
    work: str
    floor_s: float
    reached_s: float | None
    source: str

    def line(self) -> str:
        reached = "not measured" if self.reached_s is None else f"{1e3 * self.reached_s:.3g} ms"
        times = "" if self.reached_s is None else f"{self.reached_s / self.floor_s:.1f}"
        floor = f"{1e3 * self.floor_s:.3g} ms"
        return f"| {self.name} | {self.work} | {floor} | {reached} | {times} | {self.source} |"


def pyramid_pixels(width: int, height: int, min_face_px: int) -> int:
    """Of all levels together, as server/analysis/cascade.py makes them."""
    shrunk = min(1.0, SMALLEST_PX / min_face_px)
    width, height = round(width * shrunk), round(height * shrunk)
    levels = round(math.log(min(width, height) / WINDOW_PX, 1 / PYRAMID_STEP) - 1)
    scales = [WINDOW_PX / SMALLEST_PX * PYRAMID_STEP**level for level in range(levels)]
    return sum(int(width * scale) * int(height * scale) for scale in scales)


def stages(results: Path, peak: Peak) -> Iterator[Stage]:
    for size, (width, height) in SIZES.items():
        macs = PNET_MACS * pyramid_pixels(width, height, SMALLEST_PX)
        yield Stage(
            f"faces from {SMALLEST_PX} px, {size}",
            f"P-Net {macs / 1e6:.0f} M multiply-adds",
            macs / peak.macs_per_s,
            _ours(results, "detector", f"stills-{size}-mtcnn"),
            "detector.csv",
        )
    for form in TFLITE:
        macs = inspect(registry.spec("meso3").file(form)).macs
        for batch in (1, 32):
            reached_s = _ours(results, "classifier", f"meso3-{form}-{batch}")
            yield Stage(
                f"Meso-3, {form}, in batches of {batch}",
                f"{macs / 1e6:.0f} M multiply-adds a face",
                macs / peak.macs_per_s,
                None if reached_s is None else reached_s / batch,
                "classifier.csv",
            )
    yield from _pipeline(results, peak)


def _pipeline(results: Path, peak: Peak) -> Iterator[Stage]:
    """The stages of a whole check, a picture looked at; they overlap where cores allow."""
    row = _rows(results, "pipeline").get("answer")
    if row is None:
        return
    pictures, spent = int(row["our_pictures"]), json.loads(row["our_stages_s"])
    width, height = SIZES["720p"]
    macs = PNET_MACS * pyramid_pixels(width, height, MIN_FACE_PX)
    moved = width * height * (3 * YUV_BYTES + YUV_BYTES + RGB_BYTES)
    floors = {
        "frames": (f"{moved / 1e6:.0f} MB moved for a picture", moved / peak.bytes_per_s),
        "faces": (f"P-Net {macs / 1e6:.0f} M multiply-adds", macs / peak.macs_per_s),
    }
    for stage, (work, floor_s) in floors.items():
        if stage in spent:
            name = f"a check's {stage}, 720p, faces from {MIN_FACE_PX} px"
            yield Stage(name, work, floor_s, spent[stage] / pictures, "pipeline.csv")


def rest(results: Path) -> Iterator[str]:
    """Where a check's time goes, stage by stage, as Analyzer's own clock has it."""
    row = _rows(results, "pipeline").get("answer")
    if row is not None:
        spent = json.loads(row["our_stages_s"])
        for stage, seconds in sorted(spent.items(), key=lambda item: -item[1]):
            yield f"- {stage}: {seconds:.2f} s, {100 * seconds / spent['total']:.0f} %"


@dataclass(frozen=True, slots=True)
class Options:
    results: Path = option("the folder of the tables", HERE / "results")


def main(options: Options) -> None:
    """Measure this core's peak, and print the page."""
    command = [sys.executable, "-m", "benchmarks.peers.peak"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    peak = Peak(**json.loads(done.stdout))
    print(
        f"One core does {peak.macs_per_s / 1e9:.1f} G multiply-adds a second (single precision, "
        f"numpy's matrix product) and moves {peak.bytes_per_s / 1e9:.1f} GB a second.\n\n"
        "| stage | arithmetic | floor | reached | times the floor | from |\n"
        "|---|---|---|---|---|---|"
    )
    for stage in stages(options.results, peak):
        print(stage.line())
    print("\nWhere the time of a check of 720p goes, by its own clock:\n")
    print(*rest(options.results), sep="\n")


def _ours(results: Path, benchmark: str, name: str) -> float | None:
    row = _rows(results, benchmark).get(name)
    return None if row is None else float(row["ours"])


def _rows(results: Path, benchmark: str) -> dict[str, dict[str, str]]:
    path = results / f"{benchmark}.csv"
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}
