"""How many bytes of uploads may wait for their checks, so that nobody can fill the disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from server.errors import QueueFull
from server.jobs.folders import Folders
from server.jobs.parcels import Parcels

COMING = ".coming"  # the end of the name of a file that is still being sent


class Space:
    """Counts what waits on this machine and in the database. Safe to share between threads."""

    def __init__(self, folders: Folders, parcels: Parcels, limit: int) -> None:
        self._folders = folders
        self._parcels = parcels
        self._limit = limit
        self._coming = 0
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Space for an upload while it comes. Raises QueueFull if there is none."""
        with self._lock:
            if self._coming + size + self._waiting() > self._limit:
                raise QueueFull(
                    f"Files of {self._limit / 1e9:g} GB are waiting, which is all that may."
                )
            self._coming += size
        try:
            yield
        finally:
            with self._lock:
                self._coming -= size

    def _waiting(self) -> int:
        """Bytes of what has come; what is coming was counted when it was announced."""
        total = self._parcels.waiting_bytes()
        for path in self._folders.uploads.iterdir():
            if path.suffix != COMING:
                with suppress(FileNotFoundError):  # its check ended just now
                    total += path.stat().st_size
        return total
