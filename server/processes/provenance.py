"""What a media file declares of its own origin, read in a process beside the check's.

The readers of such words are many, their formats old, and the one of Content Credentials is
compiled code that ends its process when memory or its stack runs out: what a file breaks here
costs what it said of itself, and not its check. The process is forked, so that it starts within
milliseconds, and it is confined as the check is.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from server.analysis.provenance.reading import TRUST_LIST, read
from server.analysis.provenance.records import Provenance
from server.processes.sandbox import MEGABYTE, Confinement, confine

READER_S = 15  # of wall time; no file that was seen took a second
CPU_S = 10
MEMORY_BYTES = 1000 * MEGABYTE  # with what the check had before; a large picture is read whole
ANSWER_BYTES = 256_000


class Reading:
    """The check's end of it. The result is there before that of most checks is."""

    def __init__(self, output: int) -> None:
        self._output = output
        self._deadline = time.monotonic() + READER_S

    def result(self) -> Provenance:
        """The reader's last message; waits until it ends or its time is over."""
        lines = self._said().split(b"\n")
        for line in reversed(lines[:-1]):  # what comes after the last line end is none
            with suppress(ValueError, RecursionError):
                return Provenance.of(json.loads(line))
        return Provenance("unreadable")

    def _said(self) -> bytes:
        said = b""
        while len(said) < ANSWER_BYTES:
            left_s = max(0.0, self._deadline - time.monotonic())
            if not select.select([self._output], [], [], left_s)[0]:
                break  # a reader that was taken over may outlive its own limits
            block = os.read(self._output, ANSWER_BYTES)
            if not block:
                break
            said += block
        os.close(self._output)
        return said


def start(media: Path, trust_list: str, memory_bytes: int) -> Reading:
    """Begin to read; call it before this process is confined and has threads.

    `trust_list`: a file of certificates, empty for the one that ships; `memory_bytes`: what the
    check may use, of which the reader gets no more.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # once confined, nobody here can reap it
    output, said = os.pipe()
    parent_pid = os.getpid()
    if os.fork() == 0:
        _become_reader(media, trust_list, memory_bytes, said, parent_pid)
    os.close(said)
    return Reading(output)


def _become_reader(
    media: Path, trust_list: str, memory_bytes: int, said: int, parent_pid: int
) -> NoReturn:
    status = 1
    try:
        trusted = Path(trust_list or TRUST_LIST).read_text()
        os.dup2(said, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))  # the lines to runner and networks
        signal.alarm(READER_S)
        most = min(memory_bytes, MEMORY_BYTES)
        limits = Confinement(None, None, (media,), most, cpu_s=CPU_S, open_files=64)
        confine(limits, parent_pid)
        for provenance in read(media, trusted):
            os.write(3, json.dumps(asdict(provenance)).encode() + b"\n")
        status = 0
    finally:  # nothing may get back into the check's code
        os._exit(status)
