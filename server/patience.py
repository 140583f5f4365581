"""A web process that slow clients cannot stop: each has a limited time.

A thread reads a request's head and body and writes the answer. A client that sends half a head,
drips a body or reads no answer holds one for as long as its patience lasts, and there are many more
threads than requests are worked on.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

PATIENCE_S = 20.0  # for one request: spent by waiting for its client, earned by bytes
LEAST_BYTES_PER_S = 16_000  # who is faster never loses patience
LAST_S = 0.01  # what a call may take when there is no patience left: an answer fits into a buffer
LINGER_S = 2.0  # for a client to read the answer before its connection is reset
PIECE_BYTES = 1 << 16
SLOW_CLIENTS = 240  # threads beside those of Settings.threads; a thread costs about 30 kB


class PatientSocket(socket.socket):
    """A connection whose reads and writes together wait for at most its patience."""

    patience_s = PATIENCE_S

    @classmethod
    def around(cls, connection: socket.socket) -> PatientSocket:
        """The same connection; `connection` is no more."""
        timeout = connection.gettimeout()
        patient = cls(fileno=connection.detach())
        patient.settimeout(timeout)
        return patient

    def recv(self, size: int, flags: int = 0) -> bytes:
        if flags & socket.MSG_DONTWAIT:  # a look that waits for nothing
            return super().recv(size, flags)
        data: bytes = self._waited(lambda: super(PatientSocket, self).recv(size, flags), len)
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        """In pieces, so that a large answer earns patience as it goes."""
        left = memoryview(data).cast("B")
        while left:
            piece = left[:PIECE_BYTES]
            sent = self._waited(lambda piece=piece: self.send(piece, flags), int)  # type: ignore[misc]
            left = left[sent:]

    def linger(self) -> None:
        """Close, but let the client read what was sent first: see RFC 9112, section 9.6."""
        deadline = time.monotonic() + LINGER_S
        with suppress(OSError):  # it is gone, or takes its time
            self.shutdown(socket.SHUT_WR)
            while (left_s := deadline - time.monotonic()) > 0:
                self.settimeout(left_s)
                if not super().recv(PIECE_BYTES):
                    break
        with suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)  # close() does not wait after it

    def _waited(self, act: Callable[[], Any], count: Callable[[Any], int]) -> Any:
        """`act`, within what is left of the patience; `count` gives its number of bytes."""
        asked_s = self.gettimeout()
        if asked_s == 0:
            return act()
        ours_s = max(LAST_S, self.patience_s)
        self.settimeout(ours_s if asked_s is None else min(ours_s, asked_s))
        start = time.monotonic()
        try:
            done = act()
        except TimeoutError as error:
            if asked_s is not None and asked_s < ours_s:
                raise
            raise ConnectionResetError(errno.ECONNRESET, "the client is too slow") from error
        finally:
            self.settimeout(asked_s)
        earned_s = count(done) / LEAST_BYTES_PER_S
        left_s = self.patience_s - (time.monotonic() - start) + earned_s
        self.patience_s = min(PATIENCE_S, left_s)
        return done


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's worker of threads, with connections that end."""

    def handle(self, conn: Any) -> Any:
        """Called in a thread, for each request of a connection; False closes it."""
        if not isinstance(conn.sock, PatientSocket):
            conn.sock = PatientSocket.around(conn.sock)
        conn.sock.patience_s = PATIENCE_S
        goes_on = super().handle(conn)
        if not goes_on:
            conn.sock.linger()  # here, as else the one thread that accepts would
        return goes_on
