"""Whole processes that are measured: when they say what, and how much memory they take."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import psutil

from benchmarks.peers.side import QUIET, ROOT, TOLD, Broken

POLL_S = 0.02
MB = 1e6  # bytes


@dataclass(frozen=True, slots=True)
class Program:
    """A command, and what its environment holds beside ours."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, **streams: Any) -> subprocess.Popen[str]:
        environment = {**os.environ, **QUIET, **self.environment}
        return subprocess.Popen(self.arguments, cwd=ROOT, env=environment, text=True, **streams)


def events(program: Program) -> dict[str, dict[str, Any]]:
    """What a program said, by `event`; `at_s` is in seconds since it was started.

    Both clocks are the system's monotonic one, which all processes share. Raises Broken.
    """
    with tempfile.TemporaryFile("w+") as last_words:
        start_s = time.monotonic()
        process = program.start(stdout=subprocess.PIPE, stderr=last_words)
        said, _ = process.communicate()
        if process.returncode:
            last_words.seek(0)
            raise Broken(f"{program} ended: {last_words.read()[-TOLD:]}")
    told = {}
    for line in said.splitlines():
        event = json.loads(line)
        told[event.pop("event")] = {**event, "at_s": event["at_s"] - start_s}
    return told


class Peak:
    """The most memory that a process and all that it started took together; a context manager.

    Shared pages are counted once (PSS), where the system tells. Looking costs time: what is timed
    is run without it.
    """

    def __init__(self, pid: int) -> None:
        self.megabytes = 0.0
        self._root = psutil.Process(pid)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(POLL_S):
            with suppress(psutil.NoSuchProcess):
                processes = [self._root, *self._root.children(recursive=True)]
                self.megabytes = max(self.megabytes, sum(map(_bytes, processes)) / MB)


def peak_mb(program: Program) -> float:
    """The most memory that a program takes, in megabytes. Raises Broken."""
    process = program.start(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with Peak(process.pid) as peak:
        status = process.wait()
    if status:
        raise Broken(f"{program} ended with {status}")
    return peak.megabytes


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:  # it may not be looked into, as what is confined for others
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
