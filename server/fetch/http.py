"""HTTP at the proxy: request and response heads, parsed so strictly that there is one way to read
them, and how connections are read and ended.

Whatever two parsers could read differently (a second length, a transfer coding, a folded line, a
bare line feed) is refused: that is what request smuggling is made of.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Coroutine
from dataclasses import dataclass

MAX_HEAD_BYTES = 64 * 1024
HEAD_TIMEOUT_S = 10.0
MAX_HEADERS = 100
MAX_BODY_BYTES = 1 << 20  # what a site's player sends to ask for its formats is far smaller

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+"
_AUTHORITY = re.compile(rf"({_HOST}):([0-9]{{1,5}})")
_ABSOLUTE = re.compile(
    rf"http://({_HOST})(?::([0-9]{{1,5}}))?(/[\x21\x22\x24-\x7e]*|\?[\x21\x22\x24-\x7e]*|)",
    re.IGNORECASE,
)
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_ONE_HOP = frozenset(
    {
        "connection",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    }
)


class BadHead(Exception):
    """A head that is not exactly what we accept."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What the client asks for. `path` is empty for CONNECT; `credentials` is the proxy's."""

    method: str
    host: str
    port: int
    path: str
    headers: tuple[tuple[str, str], ...]
    credentials: str
    body_bytes: int


def parse_request(head: bytes) -> RequestHead:
    """Read a request head without its final empty line; raises BadHead."""
    lines = _lines(head)
    parts = lines[0].split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadHead("no request line")
    method, target, _ = parts
    headers = tuple(_header(line) for line in lines[1:])
    host, port, path = _target(method, target)
    if not 0 < port < 65536:
        raise BadHead("no such port")
    named = {name.lower() for name, _ in headers}
    if len(headers) > MAX_HEADERS:
        raise BadHead("too many headers")
    if "transfer-encoding" in named:
        raise BadHead("a body of unknown length")
    return RequestHead(
        method, host, port, path, headers, _only(headers, "proxy-authorization"), _length(headers)
    )


def forwarded(request: RequestHead) -> bytes:
    """The head that goes to the site: its own path and host, nothing meant for the proxy."""
    nominated = {
        part.strip().lower()
        for name, value in request.headers
        if name.lower() == "connection"
        for part in value.split(",")
    }
    authority = request.host if request.port == 80 else f"{request.host}:{request.port}"
    lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {authority}", "Connection: close"]
    dropped = _ONE_HOP | (nominated - {"content-length"})  # a body keeps its length
    lines += [f"{name}: {value}" for name, value in request.headers if name.lower() not in dropped]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def status_of(head: bytes) -> int:
    """The status code of a response head; raises BadHead."""
    match = _STATUS.fullmatch(head.split(b"\r\n", 1)[0])
    if match is None:
        raise BadHead("no status line")
    return int(match[1])


def closing(head: bytes) -> bytes:
    """A response head that tells the client: one answer per connection, whatever the site's."""
    first, *rest = head.split(b"\r\n")
    one_hop = (b"connection", b"keep-alive", b"proxy-connection", b"upgrade")
    kept = [line for line in rest if line.split(b":", 1)[0].strip().lower() not in one_hop]
    return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])


def _lines(head: bytes) -> list[str]:
    lines = head.decode("latin-1").split("\r\n")
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise BadHead("a stray line end")
    return lines


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise BadHead("a malformed header")  # a folded line and "Name : value" end here too
    return name, value.strip(" \t")


def _target(method: str, target: str) -> tuple[str, int, str]:
    if method == "CONNECT":
        match = _AUTHORITY.fullmatch(target)
        if match is None:
            raise BadHead("CONNECT takes host:port")
        return match[1], int(match[2]), ""
    if method not in ("GET", "HEAD", "POST"):
        raise BadHead("a method that nothing here uses")
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise BadHead("not an absolute http address")
    path = match[3] if match[3].startswith("/") else "/" + match[3]
    return match[1], int(match[2] or 80), path


def _only(headers: tuple[tuple[str, str], ...], wanted: str) -> str:
    values = [value for name, value in headers if name.lower() == wanted]
    if len(values) > 1:
        raise BadHead(f"{wanted} twice")
    return values[0] if values else ""


def _length(headers: tuple[tuple[str, str], ...]) -> int:
    text = _only(headers, "content-length") or "0"
    _only(headers, "host")
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) > MAX_BODY_BYTES:
        raise BadHead("a body of no acceptable length")
    return int(text)


# Of connections ----------------------------------------------------------------------------------


async def read_head(reader: asyncio.StreamReader, timeout_s: float = HEAD_TIMEOUT_S) -> bytes:
    """Everything up to the empty line, without it.

    Raises IncompleteReadError, TimeoutError, or LimitOverrunError past the reader's limit.
    """
    async with asyncio.timeout(timeout_s):
        return (await reader.readuntil(b"\r\n\r\n"))[:-4]


async def read_body(reader: asyncio.StreamReader, count: int) -> bytes:
    """Exactly `count` bytes."""
    async with asyncio.timeout(HEAD_TIMEOUT_S):
        return await reader.readexactly(count)


async def until_first(*ways: Coroutine[None, None, None]) -> None:
    """Run all until one has ended, and raise what it raised."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answer(writer: asyncio.StreamWriter, status: str, *headers: str) -> None:
    """An empty answer, the last one on its connection."""
    lines = [f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]
    with contextlib.suppress(OSError, RuntimeError):
        writer.write("\r\n".join(lines).encode())


def reset(writer: asyncio.StreamWriter) -> None:
    """Drop the connection so that the other side sees a reset, not an end."""
    with contextlib.suppress(OSError):
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
