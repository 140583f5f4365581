"""A web site on loopback with real clips and streams, and with every bad manner we know of.

Everything it serves is encoded here, by PyAV. A `Canary` is a service that must never be reached.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import av
import numpy as np

WIDTH_PX, HEIGHT_PX, RATE, SECONDS = 160, 120, 25, 4
TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".ts": "video/mp2t",
    ".m4s": "video/iso.segment",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A fixed answer."""

    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Route = Reply | Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Serves the site's routes, then its files (with ranges)."""

    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.site.requests.append((self.command, self.path, dict(self.headers)))
        route = self.site.routes.get(urlsplit(self.path).path)
        try:
            if callable(route):
                self.close_connection = True
                route(self)
            else:
                self.reply(route or self._file())
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815
    do_POST = do_GET  # noqa: N815

    def reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def begin(self, kind: str, length: int | None = None) -> None:
        """Begin an answer whose body the route writes itself."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def pour(self, block: bytes, pause_s: float = 0.0, blocks: int = 1_000_000) -> None:
        """Write `block` again and again until the other side or the site goes away."""
        for _ in range(blocks):
            if self.site.closing.wait(pause_s) if pause_s else self.site.closing.is_set():
                return
            self.wfile.write(block)
            self.wfile.flush()

    def _file(self) -> Reply:
        path = self.site.folder / unquote(urlsplit(self.path).path).lstrip("/")
        if not path.is_file():
            return Reply(b"nothing here", status=404)
        body = path.read_bytes()
        kind = TYPES.get(path.suffix, "application/octet-stream")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None or int(wanted[1]) >= len(body):
            return Reply(body, kind, headers={"Accept-Ranges": "bytes"})
        first, last = int(wanted[1]), int(wanted[2] or len(body) - 1)
        part = body[first : last + 1]
        return Reply(
            part,
            kind,
            206,
            {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(body)}"},
        )


class Site:
    """The server; `routes` may be added to at any time, `requests` holds what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.routes: dict[str, Route] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.closing = threading.Event()
        handler = type("SiteHandler", (Handler,), {"site": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def allowed(self) -> tuple[str, ...]:
        """What MESOSCOPE_ALLOW_HOSTS must hold for this site to be fetched."""
        return (f"127.0.0.1:{self.port}",)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def page(self, path: str, body: str) -> str:
        """Add a page; returns its address."""
        text = f"<!doctype html><html><head><title>A page</title></head><body>{body}</body></html>"
        self.routes[path] = Reply(text.encode())
        return self.url(path)

    def text(self, path: str, body: str, kind: str = "") -> str:
        self.routes[path] = Reply(body.encode(), kind or TYPES[Path(path).suffix])
        return self.url(path)

    def redirect(self, path: str, to: str, status: int = 302) -> str:
        self.routes[path] = Reply(status=status, headers={"Location": to})
        return self.url(path)

    def behave(self, path: str, route: Callable[[Handler], None]) -> str:
        self.routes[path] = route
        return self.url(path)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Canary:
    """A service on loopback that counts every connection, whatever is said on it."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port = int(self._socket.getsockname()[1])
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._socket.accept()
            except TimeoutError:
                continue
            self.connections += 1
            with client:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._thread.join()
        self._socket.close()


# Media -------------------------------------------------------------------------------------------


def make_media(folder: Path) -> None:
    """Encode one clip as MP4 (index first, and last), HLS (plain, fMP4, encrypted, split), DASH."""
    folder.mkdir(parents=True, exist_ok=True)
    vod = {"hls_time": "1", "hls_list_size": "0", "hls_playlist_type": "vod"}
    (folder / "key.bin").write_bytes(bytes(range(16)))
    (folder / "key.txt").write_text(f"key.bin\n{folder / 'key.bin'}\n")
    encode(folder / "clip.mp4", "mp4", {"movflags": "faststart"})
    encode(folder / "index-last.mp4", "mp4", {})
    encode(folder / "plain.m3u8", "hls", vod)
    encode(folder / "fragments.m3u8", "hls", vod | {"hls_segment_type": "fmp4"})
    encode(folder / "locked.m3u8", "hls", vod | {"hls_key_info_file": str(folder / "key.txt")})
    encode(folder / "picture.m3u8", "hls", vod, sound=False)
    encode(folder / "sound.m3u8", "hls", vod, picture=False)
    encode(folder / "clip.mpd", "dash", {"seg_duration": "1"})
    (folder / "split.m3u8").write_text(
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="sound",DEFAULT=YES,URI="sound.m3u8"\n'
        f"#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION={WIDTH_PX}x{HEIGHT_PX},"
        'CODECS="avc1.42c00b,mp4a.40.2",AUDIO="a"\npicture.m3u8\n'
    )


def encode(
    path: Path, form: str, options: dict[str, str], picture: bool = True, sound: bool = True
) -> None:
    """Write SECONDS of a brightening picture and of silence."""
    with av.open(str(path), "w", format=form, options=options) as container:
        if picture:
            video = container.add_stream("libx264", rate=RATE, options={"g": str(RATE)})
            video.width, video.height, video.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        if sound:
            audio = container.add_stream("aac", rate=44100)
            audio.layout = "mono"
        if picture:
            for index in range(RATE * SECONDS):
                rgb = np.full((HEIGHT_PX, WIDTH_PX, 3), 2 * index, np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
            container.mux(video.encode())
        if sound:
            for index in range(44100 * SECONDS // 1024):
                silence = np.zeros((1, 1024), np.float32)
                frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 44100, 1024 * index
                container.mux(audio.encode(frame))
            container.mux(audio.encode())


def pictures_in(path: Path) -> int:
    """How many pictures the file really gives."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def gzip_bomb(megabytes: int, start: bytes) -> bytes:
    """A page of that size in a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(start)
    for _ in range(megabytes):
        packed += packer.compress(b"a" * 1_000_000)
    return packed + packer.flush()


def numeric_resolver(names: dict[str, list[str]]) -> Callable[[str, int], list[str]]:
    """A resolver for tests: the given names, and numbers in any spelling; asks no name server."""

    def resolve(host: str, port: int) -> list[str]:
        if host in names:
            return names[host]
        try:
            found = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        except socket.gaierror:
            if host.rstrip(".").lower() == "localhost":
                return ["127.0.0.1"]
            raise
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    return resolve


def left_behind(folder: Path) -> list[str]:
    """Files under `folder`, which should be none after a failure."""
    return [os.path.relpath(path, folder) for path in folder.rglob("*")]
