"""yt-dlp's options, as tried: one file, fetched by itself, with nothing of this machine's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

BLOCK_BYTES = 64 * 1024


def options(
    folder: str,
    proxy_url: str,
    on_found: Callable[..., None],
    on_progress: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """What YoutubeDL takes: where to, through which proxy, and whom to ask on the way."""
    return {
        # What is fetched: the smallest that is sharp enough for faces. A file of several streams
        # would need ffmpeg, so pictures alone are preferred and the sound is left behind.
        "format": "bv*[height<=?720]/bv*/b[vcodec!=?none]",
        "format_sort": ["res:480", "+br", "+size"],
        "noplaylist": True,
        "playlist_items": "1",
        "lazy_playlist": True,
        "match_filter": on_found,
        "progress_hooks": [on_progress],
        # How: through the proxy, in small blocks so that the limits bite at once.
        "proxy": proxy_url,
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
        # Where to, and nothing kept.
        "paths": {"home": folder, "temp": folder},
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
        "logger": _Silence(),
    }


class _Silence:
    """yt-dlp's logger: what matters comes as an exception."""

    def debug(self, message: str) -> None: ...
    def info(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def error(self, message: str) -> None: ...
