"""What is broken, when, and for how long: the same seed always gives the same plan."""

from __future__ import annotations

import contextlib
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from benchmarks.drill.backends import Backend, Mend
from benchmarks.drill.machines import WEB, Machine, Part

# Kinds with how often each comes among the others.
KINDS = {
    "child": 6,  # what does one check
    "worker": 3,  # a worker's own process, but nothing that it started
    "tree": 3,  # a worker with all that it started
    "web": 3,
    "broker": 2,
    "connections": 2,  # to the database, all of them
    "database": 1,
}
EVERY = 4  # jobs to a fault
BREAK_S = (0.5, 3.0)  # how long a broker or database is away
DELAY_S = 1.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` strikes `delay_s` after `ended` jobs have ended, at the `pick` (0..1) of what there
    is, and lasts `lasts_s`."""

    kind: str
    ended: int
    delay_s: float
    pick: float
    lasts_s: float


def plan(jobs: int, seed: int) -> list[Fault]:
    """Each kind once at least, spread over the first four fifths of the jobs."""
    rng = random.Random(seed)
    count = max(len(KINDS), jobs // EVERY)
    kinds = [*KINDS, *rng.choices(list(KINDS), list(KINDS.values()), k=count - len(KINDS))]
    rng.shuffle(kinds)
    return [
        Fault(
            kind,
            ended=int(0.8 * jobs * number / count),
            delay_s=rng.uniform(0, DELAY_S),
            pick=rng.random(),
            lasts_s=rng.uniform(*BREAK_S),
        )
        for number, kind in enumerate(kinds)
    ]


def strike(fault: Fault, machines: list[Machine], backend: Backend) -> Mend | None:
    """Do it; returns what ends it, or None if there was nothing to hit."""
    if fault.kind in ("broker", "connections", "database"):
        breaks: Callable[[], Mend] = getattr(backend, fault.kind)
        return breaks()
    parts = [part for machine in machines for part in machine.parts]
    hit = [part for part in parts if (part.module == WEB) == (fault.kind == "web")]
    targets = _targets(fault.kind, hit)
    if not targets:
        return None
    for process in targets[int(fault.pick * len(targets))]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    return lambda: None


def _targets(kind: str, parts: list[Part]) -> list[list[psutil.Process]]:
    """Each a group of processes that die together."""
    trees = [tree for part in parts if (tree := part.processes())]
    if kind == "child":
        return [[child] for tree in trees for child in tree[1:]]
    if kind == "worker":
        return [tree[:1] for tree in trees]
    return trees
