"""What the egress guard does with connections, apart from whom it lets connect."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine

MAX_HEAD_BYTES = 64 * 1024
HEAD_TIMEOUT_S = 10.0


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
