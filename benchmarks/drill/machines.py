"""A machine of the drill: its data folder, its processes, and what restarts those that ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil

from server.config import PREFIX, Settings
from server.processes.sandbox import die_with

ROOT = Path(__file__).resolve().parents[2]
RESTART_S = 1.0  # as an init system waits before it starts a service again
STOP_S = 30.0
PR_SET_CHILD_SUBREAPER = 36
WEB = ("server", "serve")
WORKER = ("server", "worker")
HURRIED_WORKER = ("benchmarks.drill.worker",)


class Part:
    """One service of a machine: a process that is started again whenever it ends."""

    def __init__(
        self, module: tuple[str, ...], settings: Settings, log: Path, temporary: Path
    ) -> None:
        self.module = module
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
        self._environment |= settings.to_env() | {"TMPDIR": str(temporary)}
        self._log = log
        self._ended_at = float("-inf")
        self.process: subprocess.Popen[bytes] | None = None

    def tend(self) -> None:
        """Start it, if it is not there and has not only just ended."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self.process, self._ended_at = None, now
        if self.process is None and now > self._ended_at + RESTART_S:
            with self._log.open("ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", *self.module],
                    cwd=ROOT,
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=partial(die_with, os.getpid()),
                )

    def processes(self) -> list[psutil.Process]:
        """Its processes, the first one first; none while it is down."""
        with contextlib.suppress(psutil.NoSuchProcess):
            if self.process and self.process.poll() is None:
                first = psutil.Process(self.process.pid)
                return [first, *first.children(recursive=True)]
        return []

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_S)
            self.process.kill()
            self.process.wait()


class Machine:
    """A data folder and the services that work in it."""

    def __init__(self, settings: Settings, modules: list[tuple[str, ...]]) -> None:
        self.settings = settings
        folder = settings.data_dir
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log.txt"
        self.parts = [Part(module, settings, self.log, self.temporary) for module in modules]

    def files(self) -> list[Path]:
        """Media and other files of checks that are still there."""
        folder = self.settings.data_dir
        places = (folder / "scratch", folder / "uploads", self.temporary)
        return [path for place in places if place.is_dir() for path in place.rglob("*")]


def adopt_orphans() -> None:
    """Make this process the parent of whatever loses its own below it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def strays(known: set[int]) -> list[psutil.Process]:
    """Processes that came down to us because what had started them is gone; the dead are reaped."""
    alive = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if child.pid in known:
                continue
            if child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
            else:
                alive.append(child)
    return alive
