"""Uploads on their way from the machine that took them to the one that checks them, and how many
bytes of them may wait.

Machines share a database and a broker, but no folder. So where the database is a server, an upload
goes through it in pieces and is deleted there when its check ends; else it is and stays a file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, delete, func, insert, select

from server.errors import QueueFull
from server.jobs.folders import Folders
from server.jobs.tables import parcels

PIECE_BYTES = 4 << 20
COMING = ".coming"  # the end of the name of a file that is still being sent
YOUNG_S = 300.0  # one this young may belong to a work that is just being made


class UploadChunks:
    """Keyed by the name of the file that is a work's source. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._used = engine.dialect.name != "sqlite"

    def send(self, path: Path) -> None:
        """Move the file into the database, where that is a server."""
        if not self._used:
            return
        try:
            with path.open("rb") as file, self._engine.begin() as connection:
                row = {"name": path.name, "sent_at": time.time()}
                for part in count():
                    if not (piece := file.read(PIECE_BYTES)):
                        break
                    connection.execute(insert(parcels).values(**row, part=part, piece=piece))
        finally:
            path.unlink(missing_ok=True)

    def fetched(self, path: Path, folder: Path, after_each: Callable[[], None]) -> Path:
        """Where the file is: at its path, or now in `folder`. `after_each`: of its pieces."""
        if not self._used or path.exists():
            return path
        copy = folder / path.name
        with copy.open("wb") as file:
            for part in count():
                if (piece := self._piece(path.name, part)) is None:
                    break
                file.write(piece)
                after_each()
        return copy

    def drop(self, path: Path) -> None:
        """Delete the file, wherever it is."""
        path.unlink(missing_ok=True)
        if self._used:
            with self._engine.begin() as connection:
                connection.execute(delete(parcels).where(parcels.c.name == path.name))

    def waiting_bytes(self) -> int:
        """How much the database holds, each piece counted as a whole one."""
        if not self._used:
            return 0
        with self._engine.connect() as connection:
            pieces = connection.scalar(select(func.count()).select_from(parcels))
        return PIECE_BYTES * int(pieces or 0)

    def sweep(self, needed: Collection[str]) -> None:
        """Delete what no work in flight has as its source."""
        if not self._used:
            return
        names = {Path(source).name for source in needed}
        old = parcels.c.sent_at < time.time() - YOUNG_S
        with self._engine.begin() as connection:
            connection.execute(delete(parcels).where(old, parcels.c.name.not_in(names)))

    def _piece(self, name: str, part: int) -> bytes | None:
        query = select(parcels.c.piece).where(parcels.c.name == name, parcels.c.part == part)
        with self._engine.connect() as connection:
            piece: bytes | None = connection.scalar(query)
        return piece


class Space:
    """Counts what waits on this machine and in the database. Safe to share between threads."""

    def __init__(self, folders: Folders, chunks: UploadChunks, limit: int) -> None:
        self._folders = folders
        self._chunks = chunks
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
        total = self._chunks.waiting_bytes()
        for path in self._folders.uploads.iterdir():
            if path.suffix != COMING:
                with suppress(FileNotFoundError):  # its check ended just now
                    total += path.stat().st_size
        return total
