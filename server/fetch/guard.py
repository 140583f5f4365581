"""A filtering forward proxy on loopback, one per download: the only way out for the child.

It resolves a name once, refuses unless every answer may be fetched, and connects to that very
address, so that nothing can change between the look-up and the connection. One request per
connection, a random token, a budget of bytes and of time.

It sees http requests whole and of https only host and port; what travels inside TLS is not read.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from server.fetch.addresses import Address, AllowList, own_networks, parse_address, why_refused
from server.fetch.failures import Record
from server.fetch.http import (
    MAX_HEAD_BYTES,
    BadHead,
    answer,
    closing,
    forwarded,
    parse_request,
    read_body,
    read_head,
    reset,
    status_of,
    until_first,
)

Resolver = Callable[[str, int], Sequence[str]]

CONNECT_TIMEOUT_S = 10.0
IDLE_TIMEOUT_S = 30.0
MAX_CONNECTIONS = 16
SETTLE_S = 0.005
USER = "mesoscope"
CHALLENGE = f'Proxy-Authenticate: Basic realm="{USER}"'

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def system_resolver(host: str, port: int) -> list[str]:
    """Every address that the machine's resolver gives for `host`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Refused(Exception):
    """The policy forbids this address."""


class _Unreachable(Exception):
    """The policy allows this address, but nothing answers there."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one download may use of the network."""

    max_bytes: int
    timeout_s: float


class Guard:
    """Context manager; `port` and `proxy_url` are valid inside, `record` afterwards too."""

    def __init__(
        self,
        budget: Budget,
        allowed: AllowList,
        resolve: Resolver = system_resolver,
        record: Record | None = None,
    ) -> None:
        self.record = record or Record()
        self.port = 0
        self._budget = budget
        self._allowed = allowed
        self._resolve = resolve
        self._token = secrets.token_urlsafe(24)
        self._credentials = "Basic " + base64.b64encode(f"{USER}:{self._token}".encode()).decode()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._clients: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="egress-guard", daemon=True)

    @property
    def proxy_url(self) -> str:
        return f"http://{USER}:{self._token}@127.0.0.1:{self.port}"

    def __enter__(self) -> Guard:
        self._deadline = time.monotonic() + self._budget.timeout_s
        self._near = own_networks()
        self._thread.start()
        self._ready.wait()
        if not self.port:
            raise OSError("the egress guard could not listen on loopback")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def admits(self, host: str, port: int) -> bool:
        """Judge a host ahead of any request, and record why not; the answer binds nothing."""
        try:
            asyncio.run_coroutine_threadsafe(self._judge(host, port), self._loop).result()
        except _Refused as error:
            self.record.note("refused", str(error))
        except _Unreachable as error:
            self.record.note("unreachable", str(error))
        else:
            return True
        return False

    # In the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()  # does not wait for a resolver that hangs
            self._ready.set()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=MAX_HEAD_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        await asyncio.sleep(SETTLE_S)  # what was accepted just now gets its task
        server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await asyncio.sleep(SETTLE_S)  # aborted transports close

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            async with asyncio.timeout(max(0.0, self._deadline - time.monotonic())):
                await self._converse(reader, writer)
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            reset(writer)  # where it was not closed above: a cut answer must not pass for a whole
            self._clients.discard(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer; an error status for everything that precedes the answer."""
        to_site: asyncio.StreamWriter | None = None
        try:
            request = parse_request(await read_head(reader))
            if not hmac.compare_digest(request.credentials.encode(), self._credentials.encode()):
                return answer(writer, "407 Proxy authentication required", CHALLENGE)
            if len(self._clients) > MAX_CONNECTIONS:
                raise _Unreachable("too many connections at once")
            site, to_site = await self._connect(request.host, request.port)
            if request.method == "CONNECT":
                first = b"HTTP/1.1 200 Connected\r\n\r\n"
            else:
                to_site.write(forwarded(request) + await read_body(reader, request.body_bytes))
                first = await self._response_head(site)
        except _Refused as error:
            self.record.note("refused", str(error))
            answer(writer, "403 Refused by the egress guard")
        except _Unreachable as error:
            self.record.note("unreachable", str(error))
            answer(writer, "502 Site unreachable")
        except BadHead as error:
            answer(writer, f"400 Bad request: {error}")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            answer(writer, "502 Broken head")
        else:
            writer.write(first)
            tunnel = request.method == "CONNECT"  # else nothing more of the client's is passed on
            await until_first(
                self._pump(reader, to_site if tunnel else None, None),
                self._pump(site, writer, IDLE_TIMEOUT_S),
            )
        finally:
            if to_site is not None:
                to_site.transport.abort()

    async def _connect(self, host: str, port: int) -> Streams:
        addresses = await self._judge(host, port)
        for address in addresses[:4]:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    streams = await asyncio.open_connection(
                        str(address), port, limit=MAX_HEAD_BYTES
                    )
                self.record.note("connected", f"{host} {port} {address}")
                return streams
        raise _Unreachable(f"{host} does not answer on port {port}")

    async def _judge(self, host: str, port: int) -> list[Address]:
        """All that `host` resolves to, every one of which may be connected to."""
        name = host.removeprefix("[").removesuffix("]")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                found = await self._loop.run_in_executor(None, self._resolve, name, port)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise _Unreachable(f"the name {host} cannot be resolved") from error
        addresses = [parse_address(text) for text in found]
        reason = why_refused(host, port, addresses, self._allowed, self._near)
        if reason:
            raise _Refused(reason)
        return addresses

    async def _response_head(self, site: asyncio.StreamReader) -> bytes:
        for _ in range(5):  # 1xx heads announce another one
            head = await read_head(site, IDLE_TIMEOUT_S)
            self._spend(len(head))
            if status_of(head) >= 200:
                return closing(head)
        raise BadHead("no answer but announcements")

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter | None,
        idle_s: float | None,
    ) -> None:
        """Pass bytes on (or drop them) until the source ends; OSError when the budget does.

        A client that waits may stay silent for any time; a site may not.
        """
        while True:
            async with asyncio.timeout(idle_s):
                data = await source.read(MAX_HEAD_BYTES)
            if not data:
                return
            self._spend(len(data))
            if sink is not None:
                sink.write(data)
                await sink.drain()

    def _spend(self, count: int) -> None:
        self.record.received_bytes += count
        if self.record.received_bytes > self._budget.max_bytes:
            self.record.note("over_budget")
            raise OSError("the byte budget is used up")
