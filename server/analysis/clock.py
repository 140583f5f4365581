"""How long each stage of a check takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Clock:
    """Adds up the wall time of each stage; a nested stage's time is charged to that stage only."""

    def __init__(self) -> None:
        self._start = self._since = time.perf_counter()
        self._stage: str | None = None
        self._spent: dict[str, float] = {}

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        outer = self._turn_to(stage)
        try:
            yield
        finally:
            self._turn_to(outer)

    def _turn_to(self, stage: str | None) -> str | None:
        now = time.perf_counter()
        before, self._stage = self._stage, stage
        if before is not None:
            self._spent[before] = self._spent.get(before, 0.0) + now - self._since
        self._since = now
        return before

    def each(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """The items, counting the time spent waiting for them."""
        iterator = iter(items)
        while True:
            with self.during(stage):
                item = next(iterator, None)
            if item is None:
                return
            yield item

    def seconds(self) -> dict[str, float]:
        return {**self._spent, "total": time.perf_counter() - self._start}
