"""From an address to a file: yt-dlp in a confined child, a guard in another, nothing of it here.

    address -> checked_url -> guard (proxy) <- download (yt-dlp) -> file in the folder -> Fetched

A download that passes `max_bytes` is not thrown away where its beginning can be decoded: the part
is kept, and `Fetched.cut_short` is true. Otherwise it is too large.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server.config import Settings
from server.errors import AppError, NoVideo
from server.fetch.failures import Failure, Record, explain, refused, timed_out, too_large
from server.fetch.urls import checked_url, host_and_port
from server.processes.child import POLL_S, Child, Start
from server.processes.messages import (
    Downloaded,
    Failed,
    Note,
    Progress,
    Proxy,
    Received,
    from_download,
    from_guard,
)
from server.processes.protocol import Downloading, Guarding, Task

SHARE = 0.3  # of the whole progress of a check that begins with a download
OVERHEAD_BYTES = 32_000_000  # pages, manifests, a second try: beside the media itself
MOST_BLOCKS = 16  # of notes that are read at the end; all that are taken fit into fewer
LATE_S = 5.0  # the guard's time ends after the download's, so that a late one is called late

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """What one download may use."""

    max_bytes: int = 200_000_000
    timeout_s: float = 120.0
    max_duration_s: float = 4 * 3600.0
    allow_hosts: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> DownloadLimits:
        return cls(
            settings.max_download_bytes,
            settings.download_timeout_s,
            settings.max_duration_s,
            settings.allow_hosts,
        )


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is ours, and its SHA-256; `cut_short`: it holds the beginning only."""

    path: Path
    sha256: str
    cut_short: bool = False


def fetch(
    url: str,
    folder: Path,
    limits: DownloadLimits,
    start: Start,
    on_progress: Callable[[Progress | None], None] = lambda _: None,
) -> Fetched:
    """Fetch the video at `url` into a new folder inside `folder`.

    Calls `on_progress` with what is new, and every POLL_S or sooner with None; an exception raised
    by it ends the download. Raises AppError: bad-url, blocked-address, unsupported-site,
    needs-login, bot-check, copy-protected, live-stream, too-large, too-long, no-video,
    download-timeout, gone or download-failed. Leaves no process, and no file where it raises.
    """
    address = checked_url(url)
    inner = Path(tempfile.mkdtemp(prefix="fetch-", dir=folder)).resolve()
    try:
        return _Fetch(address, inner, limits, start, on_progress).run()
    except BaseException:
        shutil.rmtree(inner, ignore_errors=True)
        raise


class _Fetch:
    """One download, its two children and what they say."""

    def __init__(
        self,
        address: str,
        folder: Path,
        limits: DownloadLimits,
        start: Start,
        on_progress: Callable[[Progress | None], None],
    ) -> None:
        self._address = address
        self._host, self._port = host_and_port(address)
        self._folder = folder
        self._limits = limits
        self._start = start
        self._on_progress = on_progress
        self._record = Record()
        self._give_up_after(limits.timeout_s)

    def run(self) -> Fetched:
        self._on_progress(Progress("fetch", 0.0))
        with self._start(Task(self._guarding())) as guard:
            proxy = self._proxy(guard)
            if proxy is None:  # a refusal need not cost another process
                raise explain(Failure(), self._record, self._host)
            self._give_up_after(self._limits.timeout_s)
            with self._start(Task(self._downloading(proxy))) as download:
                answer = self._answer(guard, download)
                status = download.close()
            for _ in range(MOST_BLOCKS):  # what it saw before it answered
                if not self._note(guard):
                    break
        if isinstance(answer, Downloaded):
            return self._fetched(answer)
        raise self._error(answer, status)

    def _give_up_after(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def _proxy(self, guard: Child) -> Proxy | None:
        """The proxy; None if the guard refuses the address or sends none in time."""
        while not guard.ended and time.monotonic() < self._deadline:
            for message in from_guard(guard.read(POLL_S)):
                if isinstance(message, Proxy):
                    return message
                self._record.note(message.kind, message.text)
            if self._record.refused or self._record.unreachable:
                return None
            self._on_progress(None)
        return None

    def _answer(self, guard: Child, download: Child) -> Downloaded | Failed | None:
        """The last message of the download; None if it sent none in time."""
        while not download.ended and time.monotonic() < self._deadline:
            for message in from_download(download.read(POLL_S)):
                if not isinstance(message, Received):
                    return message
                self._on_progress(Progress("fetch", SHARE * message.fraction))
            self._note(guard)
            self._on_progress(None)
        return None

    def _note(self, guard: Child) -> bool:
        """Take note of what the guard saw meanwhile; whether it was anything."""
        notes = [each for each in from_guard(guard.read(0)) if isinstance(each, Note)]
        for note in notes:
            self._record.note(note.kind, note.text)
        return bool(notes)

    def _fetched(self, answer: Downloaded) -> Fetched:
        sha256 = own_sha256(self._folder, answer.name) if answer.name else None
        if sha256 is None:
            if self._record.refused:
                raise refused(self._record)
            raise NoVideo(f"{self._host} sent nothing to look at.")
        return Fetched(self._folder / answer.name, sha256, answer.cut_short)

    def _error(self, answer: Failed | None, status: int) -> AppError:
        if answer is None and time.monotonic() >= self._deadline:
            return timed_out(self._host, self._limits.timeout_s)
        if status in (-signal.SIGXCPU, -signal.SIGXFSZ) and not self._record.refused:
            return too_large(self._host)
        failure = answer.failure if answer else Failure()
        log.info("download failed: exit %s, HTTP %s", status, failure.status)
        log.debug("download failed: %s; %s", failure, self._record)
        return explain(failure, self._record, self._host)

    def _guarding(self) -> Guarding:
        return Guarding(
            host=self._host,
            port=self._port,
            allow_hosts=self._limits.allow_hosts,
            max_bytes=self._limits.max_bytes + OVERHEAD_BYTES,
            timeout_s=self._limits.timeout_s + LATE_S,
        )

    def _downloading(self, proxy: Proxy) -> Downloading:
        return Downloading(
            url=self._address,
            folder=str(self._folder),
            proxy_url=proxy.url,
            proxy_port=proxy.port,
            max_bytes=self._limits.max_bytes,
            max_duration_s=self._limits.max_duration_s,
            cpu_s=max(10, round(self._limits.timeout_s)),
        )


def sha256_of(path: Path) -> str:
    """Of an uploaded file; empty if it cannot be read: the check then fails with the reason."""
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return ""


def own_sha256(folder: Path, name: str) -> str | None:
    """Of a plain file that is not empty; None for anything else that a child may have left."""
    with suppress(OSError):
        inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=inner)
        finally:
            os.close(inner)
        with os.fdopen(opened, "rb") as content:
            status = os.fstat(opened)
            if stat.S_ISREG(status.st_mode) and status.st_size > 0:
                return hashlib.file_digest(content, "sha256").hexdigest()
    return None
