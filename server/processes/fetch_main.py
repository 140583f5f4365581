"""One download with yt-dlp, in a process that can reach nothing but its proxy and its folder.

Reads one JSON object (see `Task`) from standard input, writes JSON lines to standard output:
`progress`, then one of `done`, `failed`. The parent trusts none of it further than it must.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from server.fetch.options import BLOCK_BYTES, options
from server.processes.sandbox import MEGABYTE, Confinement, confine

MAX_PAGE_BYTES = 16_000_000  # a page, manifest or key; media is not read whole
SECONDS_BETWEEN_REPORTS = 0.2
NOT_HTTP = "not an http address"  # what a site may name: file:, data:, ftp:, ...


@dataclass(frozen=True, slots=True)
class Task:
    """What the parent asks for."""

    url: str
    folder: str
    proxy_url: str
    proxy_port: int
    parent_pid: int
    max_bytes: int
    max_duration_s: float
    cpu_s: int


def main() -> None:
    """Read the task and serve it."""
    serve(Task(**json.load(sys.stdin)))


def environment(folder: str) -> dict[str, str]:
    """All that this process may know of the environment that it was started from."""
    kept = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    fixed = {"LANG": "C.UTF-8", "PATH": "/nonexistent", "YTDLP_NO_PLUGINS": "1"}
    return {**dict.fromkeys(kept, folder), **fixed}


def serve(task: Task) -> None:
    """Confine this process, then download."""
    os.chdir(task.folder)
    confine(
        Confinement(
            folder=Path(task.folder),
            proxy_port=task.proxy_port,
            file_bytes=task.max_bytes + MAX_PAGE_BYTES,
            memory_bytes=1000 * MEGABYTE,
            cpu_s=task.cpu_s,
        ),
        task.parent_pid,
    )
    try:
        _download(task)
    except BaseException as error:  # noqa: BLE001 - the parent names it; nothing may be swallowed
        _report(event="failed", **_failure(error))


def _download(task: Task) -> None:
    from yt_dlp import YoutubeDL
    from yt_dlp.utils import DownloadCancelled

    watch = _Watch(task)
    with YoutubeDL(
        options(task.folder, task.proxy_url, watch.on_found, watch.on_progress)
    ) as downloader:
        _bound_requests(downloader)
        try:
            info = downloader.extract_info(task.url, download=True) or {}
        except DownloadCancelled:
            if watch.stopped == "enough":
                return _report_done(watch.info, watch.file, cut_short=True)
            return _report(event="failed", stopped=watch.stopped)
    entry = _first_entry(info)
    if entry.get("extractor_key") == "HTML5MediaEmbed":
        entry["title"] = str(entry.get("title")).removesuffix(" (1)")  # a page's only video
    files = entry.get("requested_downloads") or [{}]
    return _report_done(entry, files[0].get("filepath"), cut_short=False)


class _Watch:
    """Stops a download that is live, too long or too large; says how far it has come."""

    def __init__(self, task: Task) -> None:
        self.stopped = ""
        self.info: dict[str, Any] = {}
        self.file: str | None = None
        self._task = task
        self._reported_at = 0.0

    def stop(self, kind: str) -> None:
        from yt_dlp.utils import DownloadCancelled

        self.stopped = kind
        raise DownloadCancelled(kind)

    def on_found(self, info: dict[str, Any], **_: bool) -> None:
        """yt-dlp's match_filter: called once it knows what it is about to fetch."""
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
            self.stop("live-stream")
        if (info.get("duration") or 0) > self._task.max_duration_s:
            self.stop("too-long")

    def on_progress(self, state: dict[str, Any]) -> None:
        """yt-dlp's progress hook: called after every block."""
        received = state.get("downloaded_bytes") or 0
        self.info = state.get("info_dict") or {}
        self.file = state.get("filename")
        if received > self._task.max_bytes:
            self.stop("enough")
        now = time.monotonic()
        if now - self._reported_at >= SECONDS_BETWEEN_REPORTS:
            self._reported_at = now
            _report(event="progress", fraction=_fraction(state, received, self._task.max_bytes))


def _fraction(state: dict[str, Any], received: int, max_bytes: int) -> float:
    total = state.get("total_bytes") or state.get("total_bytes_estimate")
    if state.get("fragment_count"):
        return float((state.get("fragment_index") or 0) / state["fragment_count"])
    return float(received / (total or max_bytes))


def _bound_requests(downloader: Any) -> None:
    """Let every request be plain http(s), and no page be read without end.

    yt-dlp reads pages whole and would unpack a gzip bomb into memory; data:, ftp: and websocket
    addresses have handlers of their own.
    """
    from yt_dlp.networking.exceptions import RequestError

    fetch = downloader.urlopen

    def urlopen(request: Any) -> Any:
        url = request if isinstance(request, str) else getattr(request, "url", "")
        if urlsplit(url).scheme.lower() not in ("http", "https"):
            raise RequestError(NOT_HTTP)
        response = fetch(request)
        read = response.read

        def bounded_read(amount: int | None = None) -> bytes:
            if amount is not None and amount >= 0:
                return bytes(read(amount))
            data = bytearray()
            while block := read(BLOCK_BYTES):
                data += block
                if len(data) > MAX_PAGE_BYTES:
                    raise MemoryError("the page is larger than any page")
            return bytes(data)

        response.read = bounded_read
        return response

    downloader.urlopen = urlopen


def _first_entry(info: dict[str, Any]) -> dict[str, Any]:
    entries = list(info.get("entries") or [])
    return _first_entry(entries[0]) if entries else info


def _failure(error: BaseException) -> dict[str, Any]:
    """The exception's family, HTTP status and words, from the chain that yt-dlp wraps around it."""
    chain: list[BaseException] = []
    todo: list[Any] = [error]
    while todo and len(chain) < 20:
        link = todo.pop(0)
        if not isinstance(link, BaseException) or link in chain:
            continue
        chain.append(link)
        wrapped = getattr(link, "exc_info", None) or (None, None)
        todo += [wrapped[1], getattr(link, "cause", None), link.__cause__, link.__context__]
    statuses = [getattr(link, "status", None) for link in chain]
    return {
        "kinds": sorted({kind.__name__ for link in chain for kind in type(link).__mro__}),
        "status": next((status for status in statuses if isinstance(status, int)), None),
        "message": " | ".join(str(link)[:300] for link in chain[:4]),
    }


def _report_done(info: dict[str, Any], path: str | None, *, cut_short: bool) -> None:
    _report(
        event="done",
        file=Path(path).name if path else None,
        title=info.get("title"),
        site=info.get("webpage_url_domain"),
        cut_short=cut_short,
    )


def _report(**message: Any) -> None:
    sys.stdout.write(json.dumps(message, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
