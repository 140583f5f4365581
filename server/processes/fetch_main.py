"""The two children of a download: a guard that reaches the internet and parses next to nothing,
and yt-dlp, which parses everything and reaches nothing but the guard."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from server.fetch.failures import Record
from server.processes.protocol import Downloading, Guarding, Say, Task
from server.processes.sandbox import MEGABYTE, Confinement, confine, hold_back

MEMORY_BYTES = 1000 * MEGABYTE

resolver: Callable[[str, int], Sequence[str]] | None = None  # tests put one here


def guard(task: Task, say: Say) -> None:
    """Say which proxy to use, unless the address asked for is refused, and what it notes; until it
    is killed. It may connect to anything, and reads no more than heads."""
    from server.fetch import guard as egress  # a download starts without it
    from server.fetch.addresses import AllowList

    asked = task.work
    assert isinstance(asked, Guarding)
    bounds = Confinement(
        folder=None, proxy_port=None, memory_bytes=MEMORY_BYTES, cpu_s=round(asked.timeout_s) + 60
    )
    hold_back(bounds, task.parent_pid)
    budget = egress.Budget(asked.max_bytes, asked.timeout_s)
    record = Record(tell=lambda kind, text: say(note={"kind": kind, "text": text}))
    allowed = AllowList.parse(asked.allow_hosts)
    with egress.Guard(budget, allowed, resolver or egress.system_resolver, record) as proxy:
        if proxy.admits(asked.host, asked.port):
            say(proxy={"url": proxy.proxy_url, "port": proxy.port})
            threading.Event().wait()


def download(task: Task, say: Say) -> None:
    """Say how much has come, any number of times; then which file, or what went wrong."""
    asked = task.work
    assert isinstance(asked, Downloading)
    _settle_in(asked.folder)
    from server.fetch import ytdlp

    confinement = Confinement(
        folder=Path(asked.folder),
        proxy_port=asked.proxy_port,
        file_bytes=asked.max_bytes + ytdlp.MAX_PAGE_BYTES,
        memory_bytes=MEMORY_BYTES,
        cpu_s=asked.cpu_s,
    )
    confine(confinement, task.parent_pid)
    try:
        ytdlp.download(asked.url, asked.proxy_url, asked.max_bytes, asked.max_duration_s, say)
    except BaseException as error:  # noqa: BLE001 - the parent names it; nothing may be swallowed
        say(failed=ytdlp.failure(error))


def _settle_in(folder: str) -> None:
    """Have nothing of this machine's in sight but the folder."""
    os.chdir(folder)
    os.environ |= dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), folder)
    tempfile.tempdir = folder
    sys.dont_write_bytecode = True
