"""A child from its first line to its last: `python -m server.processes.main`, or forked."""

from __future__ import annotations

import json
import logging
import os
import sys
from importlib import import_module

from server import logs
from server.errors import AppError
from server.processes.protocol import Task
from server.processes.sandbox import die_with

# Imported only by the child that it is: each needs no more than its own job.
MODULES = {
    "guard": "server.processes.fetch_main",
    "download": "server.processes.fetch_main",
    "check": "server.processes.check_main",
    "reader": "server.processes.check_main",
}

log = logging.getLogger(__name__)


def main() -> None:
    """Do what the line on standard input asks for."""
    serve(Task.of(json.loads(sys.stdin.readline())))


def serve(task: Task) -> None:
    """Answer on standard output. Whatever goes wrong becomes an error line, never a traceback."""
    lines, messages = (os.fdopen(os.dup(fd), "w", encoding="utf-8", buffering=1) for fd in (1, 2))
    logs.configure(messages, task.log_level, task.log_format)
    die_with(task.parent_pid)
    _hush(task.words)

    def say(**message: object) -> None:
        lines.write(json.dumps(message, allow_nan=False) + "\n")

    try:
        getattr(import_module(MODULES[task.work.kind]), task.work.kind)(task, say)
    except Exception as error:
        if not isinstance(error, AppError):
            log.exception("work=%s failed in a way that we did not foresee", task.work_id)
            error = AppError()
        say(error={"code": error.code, "detail": error.detail})


def _hush(path: str) -> None:
    """Send what libraries print to a file, which is read should this process die."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    os.close(file)


if __name__ == "__main__":
    main()
