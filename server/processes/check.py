"""From a file to a verdict, by a child that can do nothing but read the one and say the other."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from server.errors import AppError, TimeLimit, WorkerLost
from server.processes.child import POLL_S, Start
from server.processes.messages import Answer, Progress, from_check
from server.processes.protocol import Task

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
    by it ends the child. Raises AppError: the child's own, time-limit or worker-lost.
    """
    with start(task) as child:
        while not child.ended:
            for message in from_check(child.read(POLL_S)):
                if isinstance(message, Answer):
                    return message
                on_progress(replace(message, progress=done + (1 - done) * message.progress))
            on_progress(None)
        raise _ended_early(task, child.close())


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
