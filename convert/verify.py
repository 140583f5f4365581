"""Does a converted model still say what its source says? Every conversion ends with this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert import measure, network
from convert.errors import ConversionError
from convert.samples import Samples
from server.analysis.runtimes.tflite import TfliteRuntime
from server.errors import ModelError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Logits = Callable[[Float32], Float32]

BATCH = 32
BOOTSTRAPS = 1000
THREADS = (1, 2)


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


@dataclass(frozen=True, slots=True)
class Report:
    """`dp`: differences of the second class's probability. `auc_change`: converted less reference,
    with its 95 % interval; None where the crops have no classes."""

    reference: str
    converted: str
    crops: int
    max_dp: float
    mean_dp: float
    labels_equal: float
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

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "misses": self.misses}


def verify(
    reference: Path,
    converted: Path,
    samples: Samples,
    tolerance: Tolerance,
    input_range: network.InputRange = "-1..1",
) -> Report:
    """Compare two files on `samples`; `input_range` is the reference's, if it is a Keras model.

    Raises ConversionError if one of them is not what it claims to be.
    """
    if reference.suffix == ".tflite":
        theirs = _tflite(reference)
    else:
        model = network.as_classifier(network.load(reference), input_range, "reference")
        theirs = model.predict_on_batch
    return compare(theirs, reference, converted, samples, tolerance)


def compare(
    theirs: Logits, reference: Path, converted: Path, samples: Samples, tolerance: Tolerance
) -> Report:
    """`theirs` maps crops float32 [N, S, S, 3] to logits [N, 1], as the converted file does."""
    expected = _p(theirs, samples.crops, reference)
    found = _p(_tflite(converted), samples.crops, converted)
    differences = np.abs(found - expected)
    return Report(
        reference=reference.name,
        converted=converted.name,
        crops=len(samples),
        max_dp=float(differences.max()),
        mean_dp=float(differences.mean()),
        labels_equal=float(np.mean((found >= 0.5) == (expected >= 0.5))),
        auc_change=_auc_change(samples.fake, expected, found),
        size_bytes=converted.stat().st_size,
        reference_bytes=reference.stat().st_size,
        cost=tuple(measure.cost(converted, threads) for threads in THREADS),
        tolerance=tolerance,
    )


def _tflite(path: Path) -> Logits:
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
    return runtime.run


def _p(logits: Logits, crops: Float32, path: Path) -> Float64:
    try:
        parts = [logits(crops[i : i + BATCH]) for i in range(0, len(crops), BATCH)]
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ConversionError(
            f"{path} does not take pictures of {crops.shape[1:]}: {error}"
        ) from error
    values = np.concatenate(parts)[:, 0].astype(np.float64)
    if not np.isfinite(values).all():
        raise ConversionError(f"{path} answers NaN or infinity for {np.sum(~np.isfinite(values))} "
                              f"of {len(crops)} crops")  # fmt: skip
    return np.asarray(0.5 * (1 + np.tanh(values / 2)), np.float64)


def _auc_change(
    fake: NDArray[np.bool_] | None, expected: Float64, found: Float64
) -> tuple[float, float, float] | None:
    from sklearn.metrics import roc_auc_score

    if fake is None or fake.all() or not fake.any():
        return None
    rng, changes = np.random.default_rng(0), []
    for draw in range(BOOTSTRAPS + 1):
        chosen = rng.integers(len(fake), size=len(fake)) if draw else np.arange(len(fake))
        if 0 < fake[chosen].sum() < len(chosen):
            both = [roc_auc_score(fake[chosen], p[chosen]) for p in (found, expected)]
            changes.append(both[0] - both[1])
    low, high = np.percentile(changes[1:] or changes, [2.5, 97.5])
    return float(changes[0]), float(low), float(high)


def show(report: Report) -> None:
    """Print the report for a person."""
    from rich.console import Console
    from rich.table import Table

    table = Table(f"{report.converted} against {report.reference}", "")
    table.add_row("crops compared", str(report.crops))
    table.add_row("largest difference of P", f"{report.max_dp:.1e}")
    table.add_row("mean difference of P", f"{report.mean_dp:.1e}")
    table.add_row("labels equal", f"{report.labels_equal:.1%}")
    if report.auc_change:
        change, low, high = report.auc_change
        table.add_row("change of AUC", f"{change:+.4f} (95 %: {low:+.4f} to {high:+.4f})")
    table.add_row("size", f"{report.size_bytes:,} bytes, before {report.reference_bytes:,}")
    for cost in report.cost:
        name = f"a crop on {cost.threads} thread{'s' * (cost.threads > 1)}"
        table.add_row(name, f"{cost.ms:.2f} ms, {cost.peak_mib:.0f} MiB")
    console = Console(highlight=False)
    console.print(table)
    for miss in report.misses:
        console.print(f"past the tolerance: {miss}")
    console.print("does not hold" if report.misses else "holds")
