"""Does a converted model still answer what its source answers? Every conversion ends with this."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert import bootstrap, measure, mesonet, network
from convert.errors import ConversionError
from convert.samples import Samples
from convert.sidecar import Known
from server.analysis.records import Float32, Float64
from server.analysis.runtimes.tflite import TfliteRuntime
from server.analysis.scoring import sigmoid
from server.errors import ModelError

Probability = Callable[[Float32], Float64]

BATCH = 32
THREADS = (1, 2)


@dataclass(frozen=True, slots=True)
class Reference:
    """The model that a file was made from, unmodified.

    `probability` maps crops float32 [N, S, S, 3] in -1..1 to P(`positive_class`), float64 [N];
    `rounds`: whether it computes in 16 bits.
    """

    path: Path
    probability: Probability
    positive_class: str = "fake"
    rounds: bool = False


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The most that may differ: P by which no crop, labels on which share, AUC by how much."""

    max_dp: float
    labels: float = 0.98
    auc_loss: float = 0.005


# By precision. What is rounded to 8 bits may be off on single crops, but not in what it decides.
TOLERANCES = {
    "float32": Tolerance(1e-4, 1.0),
    "float16": Tolerance(2e-3),
    "dynamic": Tolerance(0.25),
    "int8": Tolerance(0.25),
}
# For a source that computes in 16 bits itself: it is the one that rounds.
OF_ROUNDED = Tolerance(0.05)
REVERSED = 0.3  # an AUC below it is hardly chance: classes are swapped


def tolerance(precision: str | None, reference: Reference) -> Tolerance:
    """For a file of this precision; the widest where it is not known."""
    allowed = TOLERANCES.get(precision or "", TOLERANCES["dynamic"])
    return OF_ROUNDED if reference.rounds and allowed.max_dp < OF_ROUNDED.max_dp else allowed


@dataclass(frozen=True, slots=True)
class Report:
    """`dp`: differences of the second class's probability. `auc`: the reference's; `auc_change`:
    converted less reference, with its 95 % interval; both None where the crops have no classes."""

    reference: str
    converted: str
    crops: int
    max_dp: float
    mean_dp: float
    labels_equal: float
    auc: float | None
    auc_change: tuple[float, float, float] | None
    size_bytes: int
    reference_bytes: int
    cost: tuple[measure.Cost, ...]
    tolerance: Tolerance

    @property
    def misses(self) -> list[str]:
        """What lies past the tolerance."""
        allowed, found = self.tolerance, []
        if not self.max_dp <= allowed.max_dp:
            found.append(f"P differs by {self.max_dp:.1e}; allowed: {allowed.max_dp:.1e}")
        if not self.labels_equal >= allowed.labels:
            found.append(f"labels equal on {self.labels_equal:.1%}; wanted: {allowed.labels:.0%}")
        if self.auc_change and not -self.auc_change[0] <= allowed.auc_loss:
            found.append(f"AUC fell by {-self.auc_change[0]:.4f}; allowed: {allowed.auc_loss}")
        return found

    @property
    def is_reversed(self) -> bool:
        """Whether the reference calls most fakes real and most reals fake."""
        return self.auc is not None and self.auc < REVERSED

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "misses": self.misses}


def verify(
    path: Path, converted: Path, samples: Samples, known: Known, max_dp: float | None = None
) -> Report:
    """Compare two files on `samples`, with what is known of how one was made from the other.

    `max_dp` replaces the tolerance for `known.precision`. Raises ConversionError if one of the
    files is not what it claims to be.
    """
    if path.suffix.lower() == ".tflite":
        reference = Reference(path, tflite_probability(path), known.positive_class)
    else:
        model = mesonet.read(path, known.arch) if known.arch else network.load(path)
        theirs = network.as_classifier(model, known.input_range, samples.crops.shape[1])
        reference = Reference(path, theirs.probability, known.positive_class, theirs.rounds)
    allowed = tolerance(known.precision, reference) if max_dp is None else Tolerance(max_dp)
    return compare(reference, converted, samples, allowed)


def compare(reference: Reference, converted: Path, samples: Samples, allowed: Tolerance) -> Report:
    """Raises ConversionError if one of the two does not answer for the crops of `samples`."""
    expected = _p(reference.probability, samples.crops, reference.path)
    found = _p(tflite_probability(converted), samples.crops, converted)
    differences = np.abs(found - expected)
    positive = samples.fake
    if positive is not None and reference.positive_class == "real":
        positive = ~positive
    auc, auc_change = _auc(positive, expected, found) or (None, None)
    return Report(
        reference=reference.path.name,
        converted=converted.name,
        crops=len(samples),
        max_dp=float(differences.max()),
        mean_dp=float(differences.mean()),
        labels_equal=float(np.mean((found >= 0.5) == (expected >= 0.5))),
        auc=auc,
        auc_change=auc_change,
        size_bytes=converted.stat().st_size,
        reference_bytes=reference.path.stat().st_size,
        cost=tuple(measure.cost(converted, threads) for threads in THREADS),
        tolerance=allowed,
    )


def side_px(path: Path) -> int:
    """Of the crops that a TFLite classifier in our form takes; raises ConversionError."""
    return _opened(path)[1]


def tflite_probability(path: Path) -> Probability:
    """What a TFLite classifier in our form answers; raises ConversionError if it is another."""
    runtime, _ = _opened(path)
    return lambda crops: sigmoid(runtime.run(crops)[:, 0].astype(np.float64))


def _opened(path: Path) -> tuple[TfliteRuntime, int]:
    if not path.is_file():
        raise ConversionError(f"{path} is not there")
    try:
        runtime = TfliteRuntime(path)
        given, answer = runtime.details()
    except ModelError as error:
        raise ConversionError(f"{error.detail}; convert it again") from error
    shape = tuple(map(int, given["shape_signature"]))
    if len(shape) != 4 or shape[1] != shape[2] or shape[1] <= 0 or shape[3] != 3:
        raise ConversionError(f"{path} takes {shape}; wanted: square RGB pictures [N, S, S, 3]")
    if tuple(map(int, answer["shape"]))[1:] != (1,):
        raise ConversionError(f"{path} answers {tuple(answer['shape'])}; wanted: a logit [N, 1]")
    return runtime, shape[1]


def _p(probability: Probability, crops: Float32, path: Path) -> Float64:
    try:
        parts = [probability(crops[i : i + BATCH]) for i in range(0, len(crops), BATCH)]
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ConversionError(
            f"{path} does not take pictures of {crops.shape[1:]}: {error}"
        ) from error
    values = np.concatenate(parts)
    if not np.isfinite(values).all():
        raise ConversionError(f"{path} answers NaN or infinity for {np.sum(~np.isfinite(values))} "
                              f"of {len(crops)} crops")  # fmt: skip
    return values


def _auc(
    positive: NDArray[np.bool_] | None, expected: Float64, found: Float64
) -> tuple[float, tuple[float, float, float]] | None:
    """The reference's AUC, and how the converted file's differs, with its 95 % interval."""
    from convert.ranking import auc

    if positive is None or positive.all() or not positive.any():
        return None

    def change(chosen: NDArray[np.intp]) -> float:
        if positive[chosen].all() or not positive[chosen].any():
            return math.nan
        after, before = (auc(positive[chosen], p[chosen]) for p in (found, expected))
        return after - before

    each = np.arange(len(positive))
    return auc(positive, expected), (change(each), *bootstrap.interval(change, each))


def show(report: Report) -> None:
    """Print the report for a person."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(escape(f"{report.converted} against {report.reference}"), "")
    table.add_row("crops compared", str(report.crops))
    table.add_row("largest difference of P", f"{report.max_dp:.1e}")
    table.add_row("mean difference of P", f"{report.mean_dp:.1e}")
    table.add_row("labels equal", f"{report.labels_equal:.1%}")
    if report.auc_change:
        change, low, high = report.auc_change
        table.add_row("AUC before", f"{report.auc:.4f}")
        table.add_row("change of AUC", f"{change:+.4f} (95 %: {low:+.4f} to {high:+.4f})")
    table.add_row("size", f"{report.size_bytes:,} bytes, before {report.reference_bytes:,}")
    for cost in report.cost:
        name = f"a crop on {cost.threads} thread{'s' * (cost.threads > 1)}"
        table.add_row(name, f"{cost.ms:.2f} ms, {cost.peak_mib:.0f} MiB")
    console = Console(highlight=False)
    console.print(table)
    if report.is_reversed:
        console.print("the model takes fakes for real here; is --positive right?")
    for miss in report.misses:
        console.print(f"past the tolerance: {miss}")
    console.print("does not hold" if report.misses else "holds")
