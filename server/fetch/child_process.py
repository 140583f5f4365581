"""Starting, hearing and ending the download child."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from server.processes import fetch_main as download_child
from server.processes.fetch_main import Task

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
MAX_LINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the child ended: its last word, or None; whether we had to end it; its exit status."""

    message: dict[str, Any] | None
    timed_out: bool
    status: int


NOT_RUN = Outcome(None, False, 0)


class Running(Protocol):
    """A child that works, and what it says."""

    @property
    def pid(self) -> int: ...
    @property
    def stdout(self) -> IO[bytes] | None: ...
    def wait(self) -> int: ...


def run_child(
    task: Task,
    timeout_s: float,
    on_progress: Callable[[float], None],
    start: Callable[[Task], Running],
) -> Outcome:
    """Run the child for at most `timeout_s`; whatever happens, it and its group are gone after."""
    deadline = time.monotonic() + timeout_s
    child = start(task)
    last: dict[str, Any] | None = None
    try:
        for message in _messages(child, deadline):
            if message.get("event") == "progress":
                on_progress(_fraction(message.get("fraction")))
            else:
                last = message
    finally:
        # The whole group, before the child is reaped: until then its number cannot be anyone's.
        for kill in (os.killpg, os.kill):  # itself too, should it have left the group
            with contextlib.suppress(ProcessLookupError):
                kill(child.pid, signal.SIGKILL)
        status = child.wait()
        assert child.stdout is not None
        child.stdout.close()
    return Outcome(last, last is None and time.monotonic() >= deadline, status)


def spawn(task: Task) -> subprocess.Popen[bytes]:
    """Start the child in a process group of its own, with an environment of its own."""
    environment = download_child.environment(task.folder)
    if "LD_LIBRARY_PATH" in os.environ:  # some Pythons do not start without it
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    child = subprocess.Popen(
        [sys.executable, "-E", "-s", "-B", "-m", "server.processes.fetch_main"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    )
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it died at once; its silence will tell
        child.stdin.write(json.dumps(asdict(task)).encode())
        child.stdin.close()
    return child


def _messages(child: Running, deadline: float) -> Iterator[dict[str, Any]]:
    """The child's JSON lines until it ends, has said its last word, or the deadline passes."""
    assert child.stdout is not None
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            block = os.read(child.stdout.fileno(), MAX_LINE_BYTES)
            if not block:
                return
            *lines, pending = (pending + block).split(b"\n")
            pending = pending[-MAX_LINE_BYTES:]
            for line in lines:
                message = _parsed(line)
                if message is not None:
                    yield message
                    if message.get("event") in ("done", "failed"):
                        return
            if time.monotonic() >= deadline:
                return


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        log.debug("download child: %r", line[:500])  # a warning or a traceback of the child's
        return None
    return message if isinstance(message, dict) else None


def _fraction(value: Any) -> float:
    return min(1.0, max(0.0, value)) if isinstance(value, int | float) else 0.0
