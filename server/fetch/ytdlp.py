"""One download with yt-dlp: one file, fetched by itself, with nothing of this machine's."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from server.fetch.failures import NOT_HTTP
from server.formats import decodes_from_start

BLOCK_BYTES = 64 * 1024
MAX_PAGE_BYTES = 16_000_000  # a page, manifest or key; media is not read whole
SECONDS_BETWEEN_REPORTS = 0.2

OPTIONS: dict[str, Any] = {
    # What is fetched: the smallest that is sharp enough for faces. A file of several streams would
    # need ffmpeg, so pictures alone are preferred and the sound is left behind.
    "format": "bv*[height<=?720]/bv*/b[vcodec!=?none]",
    "format_sort": ["res:480", "+br", "+size"],
    "noplaylist": True,
    "playlist_items": "1",
    "lazy_playlist": True,
    # How: in small blocks so that the limits bite at once.
    "buffersize": BLOCK_BYTES,
    "noresizebuffer": True,
    "socket_timeout": 15,
    "retries": 1,
    "fragment_retries": 1,
    "extractor_retries": 1,
    "file_access_retries": 0,
    "skip_unavailable_fragments": False,
    "external_downloader": {"default": "native"},
    "hls_prefer_native": True,
    "ffmpeg_location": "/nonexistent",
    "fixup": "never",
    "js_runtimes": {},
    "remote_components": [],
    # Nothing kept.
    "outtmpl": {"default": "media.%(ext)s"},
    "nopart": True,
    "overwrites": True,
    "continuedl": False,
    "updatetime": False,
    "cachedir": False,
    # Nothing of the person who runs the server.
    "enable_file_urls": False,
    "usenetrc": False,
    "cookiefile": None,
    "cookiesfrombrowser": None,
    "quiet": True,
    "noprogress": True,
}


def warm_up() -> None:
    """Have yt-dlp's patterns compiled: to find the extractor that takes an address it tries
    thousands, and reads a date in fifty ways; compiling them takes longer than a download."""
    from yt_dlp.extractor import gen_extractor_classes
    from yt_dlp.utils import unified_timestamp

    for extractor in gen_extractor_classes():
        extractor.suitable("https://example.org/")
    unified_timestamp("no date")


def download(
    url: str, proxy_url: str, max_bytes: int, max_duration_s: float, say: Callable[..., None]
) -> None:
    """Fetch it into the working folder; report how much has come, then the file or the rule that
    stopped it. Raises what yt-dlp does."""
    from yt_dlp import YoutubeDL
    from yt_dlp.utils import DownloadCancelled

    watch = _Watch(max_bytes, max_duration_s, say)
    wanted = options(str(Path.cwd()), proxy_url, watch.on_found, watch.on_progress)
    with YoutubeDL(wanted) as downloader:
        _bound_requests(downloader)
        try:
            info = downloader.extract_info(url, download=True) or {}
        except DownloadCancelled:
            if watch.stopped != "enough":
                return say(failed={"stopped": watch.stopped})
            return _finished(watch.file, say, cut_short=True)
    files = _first_entry(info).get("requested_downloads") or [{}]
    return _finished(files[0].get("filepath"), say, cut_short=False)


def _finished(file: str | None, say: Callable[..., None], *, cut_short: bool) -> None:
    """A beginning is kept only where it can be decoded without the rest."""
    if file and cut_short and not decodes_from_start(Path(file)):
        return say(failed={"stopped": "too-large"})
    return say(file={"name": Path(file).name if file else "", "cut_short": cut_short})


class _Watch:
    """Stops a download that is live, too long or too large; reports its progress."""

    def __init__(self, max_bytes: int, max_duration_s: float, say: Callable[..., None]) -> None:
        self.stopped = ""
        self.file: str | None = None
        self._max_bytes = max_bytes
        self._max_duration_s = max_duration_s
        self._say = say
        self._reported_at = 0.0

    def stop(self, kind: str) -> None:
        from yt_dlp.utils import DownloadCancelled

        self.stopped = kind
        raise DownloadCancelled(kind)

    def on_found(self, info: dict[str, Any], **_: bool) -> None:
        """yt-dlp's match_filter: called once the site has described the media."""
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
            self.stop("live-stream")
        if (info.get("duration") or 0) > self._max_duration_s:
            self.stop("too-long")

    def on_progress(self, state: dict[str, Any]) -> None:
        """yt-dlp's progress hook: called after every block."""
        received = state.get("downloaded_bytes") or 0
        self.file = state.get("filename")
        if received > self._max_bytes:
            self.stop("enough")
        now = time.monotonic()
        if now - self._reported_at >= SECONDS_BETWEEN_REPORTS:
            self._reported_at = now
            self._say(received=_fraction(state, received, self._max_bytes))


def _fraction(state: dict[str, Any], received: int, max_bytes: int) -> float:
    total = state.get("total_bytes") or state.get("total_bytes_estimate")
    done, whole = received, total or max_bytes
    if state.get("fragment_count"):
        done, whole = state.get("fragment_index") or 0, state["fragment_count"]
    return min(1.0, float(done / whole))


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


def failure(error: BaseException) -> dict[str, Any]:
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


def options(
    folder: str,
    proxy_url: str,
    on_found: Callable[..., None],
    on_progress: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """What YoutubeDL takes: where to, through which proxy, and whom to ask on the way."""
    return OPTIONS | {
        "proxy": proxy_url,
        "match_filter": on_found,
        "progress_hooks": [on_progress],
        "paths": {"home": folder, "temp": folder},
        "logger": _Silence(),
    }


class _Silence:
    """yt-dlp's logger: what matters comes as an exception."""

    def debug(self, message: str) -> None: ...
    def info(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def error(self, message: str) -> None: ...
