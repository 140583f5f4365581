"""The worker's end of the fork server, from which checks begin with everything imported."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from server.processes.protocol import ROOT, Task, environment

if TYPE_CHECKING:
    from server.gpu.client import Ends


COMMAND = (sys.executable, "-E", "-s", "-m", "server.processes.forkserver_main")
ANSWER_S = 20.0  # forking takes milliseconds
PACKET_BYTES = 1 << 16
IDLE_S = 1800.0  # a person clicks now and then, and a start from nothing takes seconds
PAUSE_S = 60.0  # after a failure, before the next one is started
MAX_RSS = 400_000_000  # bytes; a new one has about a third
AVAILABLE = hasattr(os, "pidfd_open")  # Linux

log = logging.getLogger(__name__)


class Failed(Exception):
    """The fork server does not do what it should."""


class ForkServer:
    """One fork server. Safe to share between threads; `used` counts the checks forked from it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(ANSWER_S)
        self._lock = threading.Lock()
        self._warm = False
        self.used = self.running = 0
        self.used_at = time.monotonic()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [*COMMAND, str(theirs.fileno()), str(os.getpid())],
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def warm(self) -> bool:
        """Whether it can fork by now. Raises Failed if it never will."""
        with self._lock:
            if not self._warm and select.select([self._control], [], [], 0)[0]:
                self._warm = bool(self._answer("warm"))
            return self._warm

    def fork(self, task: Task, channel: Ends | None = None, log_to: int = 2) -> Forked:
        """A child that works on `task`, logs to a descriptor, and has perhaps a channel to the
        networks. Raises Failed."""
        output, said = os.pipe()
        given = (channel.connection, channel.memory) if channel else ()
        try:
            packet = json.dumps({"task": task.to_json()}).encode()
            with self._lock:
                socket.send_fds(self._control, [packet], [said, log_to, *given])
                pid = self._answer("pid")
                self.used += task.work.kind == "check"
                self.running += 1
            return Forked(self, pid, output)
        except OSError as error:
            os.close(output)
            raise Failed(str(error)) from error
        finally:
            os.close(said)

    def reap(self, pid: int) -> int:
        """The exit status of a child that has ended, or is about to; negative for a signal."""
        with self._lock:
            self.running -= 1
            self.used_at = time.monotonic()
            try:
                self._control.send(json.dumps({"reap": pid}).encode())
                return self._answer("status")
            except (OSError, Failed):  # the fork server has ended, and with it the child
                return -signal.SIGKILL

    def grown(self) -> bool:
        """Whether it holds more memory than it should, as what only forks does not."""
        try:
            return bool(psutil.Process(self._process.pid).memory_info().rss > MAX_RSS)
        except psutil.Error:
            return False

    def close(self) -> None:
        """End it, and with it what was forked from it."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def _answer(self, name: str) -> int:
        try:
            return int(json.loads(self._control.recv(PACKET_BYTES))[name])
        except (OSError, ValueError, KeyError) as error:
            raise Failed(f"no word of {name}: {error!r}") from error


class Forked:
    """A child of the fork server's, as child.Spawned is one of ours."""

    def __init__(self, server: ForkServer, pid: int, output: int) -> None:
        self.pid = pid
        self.output = output
        self._server = server
        self._handle = os.pidfd_open(pid)

    def has_exited(self) -> bool:
        return bool(select.select([self._handle], [], [], 0)[0])

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            if self._server.alive:  # else the number of the group may be another's by now
                os.killpg(self.pid, signal.SIGKILL)

    def reap(self) -> int:
        os.close(self.output)
        os.close(self._handle)
        return self._server.reap(self.pid)


class ForkServerPool:
    """Has a fork server ready where it can, until no check came for a while.

    Each is replaced after `jobs` checks, and if it failed or grew.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._lock = threading.Lock()
        self._current: ForkServer | None = None
        self._next: ForkServer | None = None  # warms up
        self._old: list[ForkServer] = []  # has children that still work
        self._start_at = 0.0

    def fork(self, task: Task, channel: Ends | None = None, log_to: int = 2) -> Forked | None:
        """A child that works on `task`; None if it has to be started from nothing."""
        with self._lock:
            try:
                if self._next and self._next.warm:
                    self._old += [self._current] if self._current else []
                    self._current, self._next = self._next, None
            except Failed as error:
                self._give_up(self._next, error)
                self._next = None
            try:
                return self._current.fork(task, channel, log_to) if self._current else None
            except Failed as error:
                self._give_up(self._current, error)
                self._current = None
                return None

    def prepare(self) -> None:
        """Have a server warm up, if the next check would want one."""
        with self._lock:
            now = self._current
            wanted = now is None or now.used >= self._jobs or now.grown()
            if AVAILABLE and wanted and not self._next and time.monotonic() > self._start_at:
                self._next = ForkServer()

    def tidy(self) -> None:
        """Call now and then: ends what is not needed any more."""
        with self._lock:
            for server in [each for each in self._old if not each.running]:
                self._old.remove(server)
                server.close()
            rest = [each for each in (self._current, self._next) if each]
            quiet_since = time.monotonic() - IDLE_S
            if all(not each.running and each.used_at < quiet_since for each in rest):
                for server in rest:
                    server.close()
                self._current = self._next = None

    def servers(self) -> list[ForkServer]:
        """All that are there."""
        return [each for each in (self._current, self._next, *self._old) if each]

    def close(self) -> None:
        """End all, with their children."""
        with self._lock:
            for server in self.servers():
                server.close()
            self._current = self._next = None
            self._old.clear()

    def _give_up(self, server: ForkServer | None, error: Failed) -> None:
        log.warning("a fork server failed; checks start without: %s", error)
        self._start_at = time.monotonic() + PAUSE_S
        if server:
            server.close()
