"""Stopping a long run by a signal, so that it keeps what it has."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def told_to_stop() -> Iterator[list[int]]:
    """A list that is empty until SIGTERM or SIGINT (Ctrl-C) arrives; the second one ends us."""
    told: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stop(number: int, _: Any) -> None:
        told.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, stop)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
