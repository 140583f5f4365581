"""A child process from this side: starts it, reads its lines, ends it with all it started."""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psutil

from server.processes.protocol import READER_BYTES, ROOT, TOTAL_BYTES, Lines, Task, environment

if TYPE_CHECKING:
    from server.gpu.client import Ends, NetworksProcess
    from server.processes.forkserver import ForkServerPool

COMMAND = (sys.executable, "-E", "-s", "-m", "server.processes.main")
POLL_S = 0.2  # the longest wait for a line before `on_progress` is called again
READ_BYTES = 1 << 16
LOG_BYTES = 64 * 1024  # one child may write
LOG_READ_BYTES = 1 << 14

log = logging.getLogger(__name__)


class Spawned:
    """A child that was started from nothing."""

    def __init__(
        self, task: Task, command: Sequence[str], log_to: int, channel: Ends | None = None
    ) -> None:
        descriptors = (channel.connection, channel.memory) if channel else ()
        told = replace(task, parent_pid=os.getpid(), channel=descriptors or None)
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
        with suppress(BrokenPipeError):  # the child has ended; reading its output tells
            self._process.stdin.write(json.dumps(told.to_json()).encode() + b"\n")
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
        pool: ForkServerPool | None = None,
        networks: NetworksProcess | None = None,
    ) -> None:
        channel = networks.connect() if networks and task.work.kind == "check" else None
        reads = task.work.kind == "reader"  # it has little to say, and nothing to log
        self._log = Log(0 if reads else LOG_BYTES)
        try:
            forked = pool.fork(task, channel, self._log.input) if pool else None
            self._process = forked or Spawned(task, command, self._log.input, channel)
        except BaseException:
            self._log.close()
            raise
        finally:
            if channel:
                channel.close()
        self._log.hand_over()
        self._status: int | None = None
        self._lines = Lines(READER_BYTES if reads else TOTAL_BYTES)
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
            # Its descendants may hold its output open; its last lines may have come just now.
            self.ended = self._process.has_exited() and not self._said_something(0)
            return []
        block = os.read(self._process.output, READ_BYTES)
        messages = self._lines.add(block)
        self.ended = not block or self._lines.too_much
        return messages

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


Start = Callable[[Task], Child]


class Log:
    """A pipe in place of our standard error, which may be a terminal that somebody types at.

    What comes is passed on printable, line by line, and up to `most_bytes`.
    """

    def __init__(self, most_bytes: int = LOG_BYTES) -> None:
        self.output, self.input = os.pipe()
        os.set_blocking(self.output, False)
        self._left = most_bytes
        self._pending = ""

    def hand_over(self) -> None:
        """Keep no end to write to: the child has it now."""
        os.close(self.input)
        self.input = -1

    def pass_on(self) -> bool:
        """Write what has come to our own log; False once no more can come."""
        try:
            block = os.read(self.output, LOG_READ_BYTES)
        except BlockingIOError:
            return True
        kept = block[: self._left]
        if len(kept) < len(block) and self._left:
            log.warning("a child logged more than %d bytes; the rest is dropped", LOG_BYTES)
        self._left -= len(kept)
        *lines, self._pending = (self._pending + kept.decode(errors="replace")).split("\n")
        _write(lines)
        return bool(block)

    def close(self) -> None:
        """Pass on the rest, without waiting: what holds the pipe open may be alive."""
        if self.input >= 0:
            self.hand_over()
        before = -1
        while self._left != before:
            before = self._left
            self.pass_on()
        _write([self._pending] if self._pending else [])
        os.close(self.output)


def _write(lines: list[str]) -> None:
    shown = ["".join(sign if sign.isprintable() else "?" for sign in line) for line in lines]
    if shown:
        sys.stderr.write("\n".join(shown) + "\n")
        sys.stderr.flush()
