"""Which pictures of a video are looked at: evenly in time, and never more than a given number."""

from __future__ import annotations

import math

# Containers round times to a millisecond; a picture that is early by less counts as on time.
ROUNDING_S = 0.001


class Sampler:
    """Keeps the first picture, then the first one in each further step of time.

    A step is 1 / `samples_per_s`, or longer where `duration_s` would give more than `max_samples`.
    Steps lie on a fixed grid from the first picture on, so that lateness does not add up. Only
    pictures from `start_s` to `end_s` are kept, both included, of which `duration_s` is the length.
    """

    def __init__(
        self,
        samples_per_s: float,
        max_samples: int,
        duration_s: float,
        start_s: float = 0.0,
        end_s: float = math.inf,
    ) -> None:
        if not (0 < samples_per_s < math.inf and max_samples >= 1):
            raise ValueError("samples_per_s must be more than 0, and max_samples at least 1")
        self.step_s = max(1 / samples_per_s, duration_s / max_samples)
        # A picture may come before 0, where sound starts first.
        self.due_s = start_s if start_s > 0 else -math.inf
        self._end_s = end_s
        self._first_s: float | None = None
        self._step = 0
        self._left = max_samples

    @property
    def full(self) -> bool:
        return self._left == 0

    def takes(self, time_s: float) -> bool:
        """Whether the picture at `time_s` is kept; pictures must come in the order of time."""
        if time_s > self._end_s + ROUNDING_S:
            self._left = 0
        if self.full or time_s < self.due_s - ROUNDING_S:
            return False
        if self._first_s is None:
            self._first_s = time_s
        steps = math.floor((time_s + ROUNDING_S - self._first_s) / self.step_s)
        self._step = max(self._step, steps) + 1  # the division may fall just short of the step
        self.due_s = self._first_s + self._step * self.step_s
        self._left -= 1
        return True
