"""The learning rate over a run, and where the run ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Plan:
    """Up in a line over `warm` steps to `peak`, then as `kind` says, until step `stop`.

    "cycle": down along a cosine to nothing at the end. "constant": level, and down in a line over
    the last `cooldown` steps: such a run gives a good network wherever one decides to end it.
    """

    kind: str
    peak: float
    warm: int
    stop: int
    cooldown: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("cycle", "constant"):
            raise ValueError(f"no schedule called {self.kind}; known: cycle, constant")

    def rate(self, step: int) -> float:
        """The learning rate of step `step`, counted from 0."""
        if step < self.warm:
            return self.peak * (step + 1) / self.warm
        if self.kind == "cycle":
            done = (step - self.warm) / max(1, self.stop - self.warm)
            return self.peak * (1 + math.cos(math.pi * done)) / 2
        return self.peak * min(1.0, (self.stop - step) / (self.cooldown + 1))

    def cooled(self, step: int, steps: int) -> Plan:
        """The same up to `step`, but ending `steps` later. Raises ValueError for a cycle."""
        if self.kind == "cycle":
            raise ValueError("a cycle comes down by itself; only a constant rate is cooled down")
        return replace(self, stop=step + steps, cooldown=steps)
