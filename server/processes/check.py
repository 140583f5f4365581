"""From a file to a verdict, by two children beside each other: neither can do anything but read the
file and say what it found.

    file -> check (the analysis)         -> verdict    -> Answer
         -> reader (its declared origin) -> provenance
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from server.analysis.provenance.records import Provenance
from server.errors import AppError, TimeLimit, WorkerLost
from server.processes.child import POLL_S, Child, Start
from server.processes.messages import Answer, Progress, from_check, from_reader
from server.processes.protocol import Checking, Reading, Task

LAST_WORDS_BYTES = 1000

log = logging.getLogger(__name__)


def check(
    task: Task,
    start: Start,
    on_progress: Callable[[Progress | None], None] = lambda _: None,
    done: float = 0.0,
) -> Answer:
    """Have a child do the task; `done`: the fraction of the whole progress that lies behind.

    Calls `on_progress` with what is new, and every POLL_S or sooner with None; an exception raised
    by it ends its children. Raises AppError: the child's own, time-limit or worker-lost.
    """
    with start(task) as child, Declared(task, start) as declared:  # the first pixel first
        answer = _answer(child, declared, on_progress, done)
        status = child.close()
        if answer is None:
            raise _ended_early(task, status)
        provenance = declared.whole(on_progress).to_json()
        return replace(answer, result=answer.result | {"provenance": provenance})


def _answer(
    child: Child,
    declared: Declared,
    on_progress: Callable[[Progress | None], None],
    done: float,
) -> Answer | None:
    """The last word of a child that checks; None if it has none."""
    while not child.ended:
        for message in from_check(child.read(POLL_S)):
            if isinstance(message, Answer):
                return message
            on_progress(replace(message, progress=done + (1 - done) * message.progress))
        declared.listen()
        on_progress(None)
    return None


class Declared:
    """What the file of a check declares of its origin, as far as the reader beside it has said.

    Whatever becomes of the reader, nothing is raised: what it said before holds.
    """

    def __init__(self, check: Task, start: Start) -> None:
        asked = check.work
        assert isinstance(asked, Checking)
        self._said = Provenance("unreadable")
        self._deadline = time.monotonic() + Reading.wall_s
        self._reader: Child | None = None
        work = Reading(asked.file, asked.memory_bytes, asked.trust_list)
        with suppress(OSError):  # no process to be had
            self._reader = start(replace(check, work=work, words=os.devnull))

    def whole(self, on_progress: Callable[[Progress | None], None]) -> Provenance:
        """All of it; waits until the reader ends, its time does, or that of the check."""
        with suppress(TimeLimit):
            while self._reader:
                self.listen(POLL_S)
                on_progress(None)
        return self._said

    def listen(self, wait_s: float = 0.0) -> None:
        """Take in what the reader says within `wait_s`, and end it when it has no more to say."""
        if not self._reader:
            return
        try:
            for provenance in from_reader(self._reader.read(wait_s)):
                self._said = provenance
            over = self._reader.ended
        except AppError:  # it cannot read the file, or speaks nonsense
            over = True
        if over or time.monotonic() > self._deadline:
            self.close()

    def close(self) -> None:
        if self._reader:
            self._reader.close()
            self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ended_early(task: Task, status: int) -> AppError:
    """Of a child that ended without an answer, by its exit status."""
    if status == -signal.SIGXCPU:
        return TimeLimit("It used up the processor time that a check may have.")
    words = _last_words(Path(task.words))
    log.warning(
        "work=%s its child ended without an answer, status %d%s", task.work_id, status, words
    )
    return WorkerLost("Its process ended early: the file may be made to break what reads it.")


def _last_words(path: Path) -> str:
    """The end of what a child and its libraries printed, for the log."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
        return f": {file.read().decode(errors='replace')!r}"
    return ""
