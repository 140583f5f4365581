"""From an address to a file: yt-dlp in a confined child, behind its own egress guard.

    address -> checked_url -> Guard (proxy) <- child (yt-dlp) -> file in the folder -> MediaFile

A download that passes `max_bytes` is not thrown away where its beginning can be decoded: the part
is kept, and `MediaFile.cut_short` says so. Otherwise it is too large.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.analysis.records import MediaFile
from server.errors import NoVideo
from server.fetch.addresses import AllowList
from server.fetch.beginnings import decodes_from_start
from server.fetch.child_process import NOT_RUN, Outcome, Running, run_child, spawn
from server.fetch.failures import Failure, explain, refused, timed_out, too_large
from server.fetch.guard import Budget, Guard, Record, Resolver, system_resolver
from server.fetch.urls import checked_url, host_and_port
from server.processes.fetch_main import Task

log = logging.getLogger(__name__)

OVERHEAD_BYTES = 32_000_000  # pages, manifests, a second try: beside the media itself
MAX_TITLE = 300


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """What one download may use. Raises ValueError for an entry of `allow_hosts` that is none."""

    max_bytes: int = 200_000_000
    timeout_s: float = 120.0
    max_duration_s: float = 4 * 3600.0
    allow_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        AllowList.parse(self.allow_hosts)


def download(
    url: str,
    folder: Path,
    limits: DownloadLimits,
    on_progress: Callable[[float], None],
    resolve: Resolver = system_resolver,
    start: Callable[[Task], Running] = spawn,
) -> MediaFile:
    """Fetch the video at `url` into a new folder inside `folder`.

    Calls `on_progress` with a fraction in 0..1; an exception raised by it ends the download.
    Raises AppError: bad-url, blocked-address, unsupported-site, needs-login, bot-check,
    copy-protected, live-stream, too-large, too-long, no-video, download-timeout, gone or
    download-failed. Leaves no process behind, and no file where it raises. `resolve` answers for
    the machine's resolver; `start` starts the child.
    """
    address = checked_url(url)
    inner = Path(tempfile.mkdtemp(prefix="fetch-", dir=folder)).resolve()
    try:
        # The proxy's time ends after the child's, so that a late download is called late.
        budget = Budget(limits.max_bytes + OVERHEAD_BYTES, limits.timeout_s + 5.0)
        with Guard(budget, AllowList.parse(limits.allow_hosts), resolve) as guard:
            task = _task(address, inner, guard, limits)
            outcome = NOT_RUN
            if guard.admits(*host_and_port(address)):  # a refusal need not cost a process
                outcome = run_child(task, limits.timeout_s, on_progress, start)
        return _media_file(address, inner, outcome, guard.record, limits)
    except BaseException:
        shutil.rmtree(inner, ignore_errors=True)
        raise


def _task(address: str, folder: Path, guard: Guard, limits: DownloadLimits) -> Task:
    return Task(
        url=address,
        folder=str(folder),
        proxy_url=guard.proxy_url,
        proxy_port=guard.port,
        parent_pid=os.getpid(),
        max_bytes=limits.max_bytes,
        max_duration_s=limits.max_duration_s,
        cpu_s=max(10, round(limits.timeout_s)),
    )


def _media_file(
    address: str, folder: Path, outcome: Outcome, record: Record, limits: DownloadLimits
) -> MediaFile:
    host, _ = host_and_port(address)
    message = outcome.message or {}
    if outcome.timed_out:
        raise timed_out(host, limits.timeout_s)
    if message.get("event") != "done":
        if outcome.status in (-signal.SIGXCPU, -signal.SIGXFSZ) and not record.refused:
            raise too_large(host)
        failure = Failure.from_message(message)
        log.info("download failed: exit %s, HTTP %s", outcome.status, failure.status)
        log.debug("download failed: %s; %s", failure, record)
        raise explain(failure, record, host)
    path = _own_file(folder, message.get("file"))
    if path is None:
        raise refused(record) if record.refused else NoVideo(f"{host} sent nothing to look at.")
    cut_short = message.get("cut_short") is not False
    if cut_short and not decodes_from_start(path):
        raise too_large(host)
    return MediaFile(
        path,
        url=address,
        site=_text(message.get("site")) or host,
        title=_text(message.get("title")),
        cut_short=cut_short,
    )


def _own_file(folder: Path, name: Any) -> Path | None:
    """The plain, non-empty file of that name in `folder`; the child's word is not enough."""
    if not isinstance(name, str) or not name or Path(name).name != name:
        return None
    path = folder / name
    try:
        status = path.lstat()
    except OSError:
        return None
    return path if stat.S_ISREG(status.st_mode) and status.st_size > 0 else None


def _text(value: Any) -> str | None:
    """A title or site as one printable line."""
    if not isinstance(value, str):
        return None
    return (
        "".join(sign if sign.isprintable() else " " for sign in value).strip()[:MAX_TITLE] or None
    )
