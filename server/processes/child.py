"""The runner's end of a child process: starts it, reads its lines, ends it with all it started."""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any

import psutil

from server.gpu.client import LineEnds, NetworksProcess
from server.processes.check_main import Task, encode
from server.processes.forkserver import ROOT, Nursery
from server.processes.surroundings import Log, environment

COMMAND = (sys.executable, "-m", "server.processes.check_main")
READ_BYTES = 1 << 16
LINE_BYTES = 32 << 20  # a longer line is no verdict
TOTAL_BYTES = 512 << 20  # of all that one child may say
MOST_BABBLE = 100  # lines that are no JSON

log = logging.getLogger(__name__)


class Spawned:
    """A child that was started from nothing."""

    def __init__(
        self, task: Task, command: Sequence[str], log_to: int, line: LineEnds | None = None
    ) -> None:
        descriptors = (line.connection, line.memory) if line else ()
        self._process = subprocess.Popen(  # noqa: S603 - our own command line
            command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log_to,
            pass_fds=descriptors,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self.pid = self._process.pid
        self.output = self._process.stdout.fileno()
        with suppress(BrokenPipeError):  # it died at once; its silence will tell
            self._process.stdin.write(encode(replace(task, line=descriptors or None)))
            self._process.stdin.close()

    def has_exited(self) -> bool:
        """Without reaping it."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def reap(self) -> int:
        assert self._process.stdout
        self._process.stdout.close()
        return self._process.wait()


class Child:
    """A child in a process group of its own, which close() kills with all that it started.

    Killing before reaping matters: until then the number of the group is not given out again.
    """

    def __init__(
        self,
        task: Task,
        command: Sequence[str] = COMMAND,
        nursery: Nursery | None = None,
        networks: NetworksProcess | None = None,
    ) -> None:
        line = networks.connect() if networks else None
        self._log = Log()
        try:
            forked = nursery.fork(task, line, self._log.input) if nursery else None
            self._process = forked or Spawned(task, command, self._log.input, line)
        except BaseException:
            self._log.close()
            raise
        finally:
            if line:
                line.close()
        self._log.hand_over()
        self._status: int | None = None
        self._pending = b""
        self._left = TOTAL_BYTES
        self._babble = 0
        self.ended = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.output, selectors.EVENT_READ)
        self._selector.register(self._log.output, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, wait_s: float) -> list[dict[str, Any]]:
        """The messages that came within `wait_s`; `ended` is True once no more can come."""
        if not self._said_something(wait_s):
            # What it left behind may hold its output open; its last words may have come just now.
            self.ended = self._process.has_exited() and not self._said_something(0)
            return []
        block = os.read(self._process.output, READ_BYTES)
        *lines, self._pending = (self._pending + block).split(b"\n")
        self._left -= len(block)
        messages = list(self._parsed(lines))
        too_much = self._left < 0 or self._babble > MOST_BABBLE
        self.ended = not block or len(self._pending) > LINE_BYTES or too_much
        return messages

    def _parsed(self, lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
        """The objects that lines of JSON hold; of the others only so many are passed over."""
        for line in lines:
            if self._babble > MOST_BABBLE:
                return
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                message = None
            if isinstance(message, dict):
                yield message
            else:
                self._babble += 1
                log.warning("a child wrote something else than its lines: %r", line[:200])

    def _said_something(self, wait_s: float) -> bool:
        """Whether there is output to read; what it logs meanwhile is passed on."""
        ready = {key.fd for key, _ in self._selector.select(wait_s)}
        if self._log.output in ready and not self._log.pass_on():
            self._selector.unregister(self._log.output)
        return self._process.output in ready

    def close(self) -> int:
        """Kill all of it; returns the child's exit status, negative for a signal."""
        if self._status is None:
            strays = self._descendants()
            self._process.kill()
            for stray in strays:
                with suppress(psutil.Error):
                    stray.kill()
            self._selector.close()
            self._status = self._process.reap()
            self._log.close()
        return self._status

    def _descendants(self) -> list[psutil.Process]:
        """What the child started, also what left its group, such as a download."""
        try:
            found: list[psutil.Process] = psutil.Process(self.pid).children(recursive=True)
        except psutil.Error:
            return []
        return found

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
