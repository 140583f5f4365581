"""Ours and a peer's times from one run, in turn, and what is made of them: medians and a ratio."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.machine import setting
from benchmarks.peers.side import Side, Timed
from training.data import tables

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a ratio must reach; `most`: it must not be larger, where it is ours against theirs."""

    ratio: float
    most: bool = False

    def holds(self, ratio: float) -> bool:
        return ratio <= self.ratio if self.most else ratio >= self.ratio

    def __str__(self) -> str:
        return f"{'at most' if self.most else 'at least'} {self.ratio:g}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row: what two sides took for the same work, pair by pair, in `unit`.

    The ratio is that of the medians: theirs by ours, so how many times faster we are; ours by
    theirs where `wanted` sets a most. `notes` are further columns.
    """

    name: str
    peer: str
    ours: Sequence[float]
    theirs: Sequence[float]
    wanted: Wanted | None = None
    unit: str = "s"
    notes: Mapping[str, object] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return self._ratio(statistics.median(self.ours), statistics.median(self.theirs))

    @property
    def holds(self) -> bool | None:
        return None if self.wanted is None else self.wanted.holds(self.ratio)

    def row(self) -> dict[str, object]:
        """Columns; `low` and `high` are the quartiles of the ratios pair by pair."""
        pairs = sorted(map(self._ratio, self.ours, self.theirs))
        quarter = len(pairs) // 4
        return {
            "name": self.name,
            "peer": self.peer,
            "pairs": len(pairs),
            "unit": self.unit,
            "ours": f"{statistics.median(self.ours):.6g}",
            "theirs": f"{statistics.median(self.theirs):.6g}",
            "ratio": f"{self.ratio:.4g}",
            "low": f"{pairs[quarter]:.4g}",
            "high": f"{pairs[-1 - quarter]:.4g}",
            "wanted": "" if self.wanted is None else str(self.wanted),
            "holds": {True: "yes", False: "no", None: ""}[self.holds],
            **self.notes,
        }

    def _ratio(self, ours: float, theirs: float) -> float:
        most = self.wanted is not None and self.wanted.most
        return ours / theirs if most else theirs / ours


def in_turn(asked: Sequence[tuple[Side, Sequence[Path]]], rounds: int) -> list[list[list[Timed]]]:
    """Every side's answers to each of its paths, as many for all, by [side][path][round].

    Sides take turns, every time another one first, so that what else the machine does weighs on all
    alike. One call of each before is not counted.
    """
    for side, paths in asked:
        for path in paths:
            side.call(path)
    count = len(asked[0][1])
    answers: list[list[list[Timed]]] = [[[] for _ in range(count)] for _ in asked]
    for round_ in range(rounds):
        for number in range(count):
            first = (round_ + number) % len(asked)
            for index in [*range(first, len(asked)), *range(first)]:
                side, paths = asked[index]
                answers[index][number].append(side.call(paths[number]))
    return answers


def alternating(pair: tuple[T, T], rounds: int, run: Callable[[T], R]) -> tuple[list[R], list[R]]:
    """What `run` gave for each of a pair, every round another one first."""
    done: tuple[list[R], list[R]] = [], []
    for round_ in range(rounds):
        for side in ((0, 1), (1, 0))[round_ % 2]:
            done[side].append(run(pair[side]))
    return done


def seconds(answers: Sequence[Sequence[Timed]]) -> list[float]:
    """Of one side: the time of every call, in the order in which all sides have them."""
    return [timed.seconds for calls in answers for timed in calls]


def report(
    benchmark: str,
    comparisons: Sequence[Comparison],
    command: str,
    versions: Mapping[str, str],
    results: Path,
) -> None:
    """Print the medians, write `results`, and print the ratios last."""
    for comparison in comparisons:
        row = comparison.row()
        notes = ", ".join(f"{name} {value}" for name, value in comparison.notes.items())
        print(
            f"{benchmark}-{comparison.name}: {row['ours']} {row['unit']} against {row['theirs']} "
            f"of {comparison.peer}, medians of {row['pairs']}" + (f"; {notes}" if notes else "")
        )
    write([comparison.row() for comparison in comparisons], setting(command, versions), results)
    for comparison in comparisons:
        held = {True: ": holds", False: ": does not hold", None: ""}[comparison.holds]
        wanted = "" if comparison.wanted is None else f" (wanted {comparison.wanted}{held})"
        print(f"{benchmark}-{comparison.name} ratio={comparison.ratio:.4g}{wanted}", flush=True)


def write(rows: Sequence[Mapping[str, object]], about: Mapping[str, str], results: Path) -> None:
    """A CSV file with the columns of all rows, and of `about` in each of them."""
    columns = [*dict.fromkeys(name for row in rows for name in row), *about]
    results.parent.mkdir(parents=True, exist_ok=True)
    tables.write(results, ({**row, **about} for row in rows), columns)


def update(rows: Sequence[Mapping[str, object]], results: Path) -> None:
    """Replace the rows of the back-ends that were measured; other rows stay."""
    kept: list[Mapping[str, object]] = []
    if results.is_file():
        measured = {row["backend"] for row in rows}
        with results.open(newline="") as file:
            kept = [row for row in csv.DictReader(file) if row["backend"] not in measured]
    write(sorted([*rows, *kept], key=lambda row: str(row["backend"])), {}, results)
