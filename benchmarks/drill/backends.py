"""What the machines share: files in one folder, or PostgreSQL and Redis; and how each breaks."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from benchmarks import servers

Mend = Callable[[], object]


class Backend(Protocol):
    """`broker` and `database` break the one or the other; what they return puts it right again."""

    database_url: str
    broker_url: str

    def join(self, data_dir: Path) -> None:
        """Let the machine with this data folder take part."""

    def broker(self) -> Mend: ...

    def database(self) -> Mend: ...

    def connections(self) -> Mend: ...

    def pids(self) -> set[int]:
        """The processes that belong to it."""


class Files:
    """One SQLite file, and folders of messages and of uploads, seen by every machine."""

    broker_url = ""

    def __init__(self, folder: Path) -> None:
        self._database = folder / "jobs.db"
        self.database_url = f"sqlite:///{self._database}"
        self._spool, self._uploads = folder / "spool", folder / "uploads"
        for seen_by_all in (self._spool, self._uploads):
            seen_by_all.mkdir()

    def join(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True)
        for seen_by_all in (self._spool, self._uploads):
            (data_dir / seen_by_all.name).symlink_to(seen_by_all)

    def broker(self) -> Mend:
        """Every message is lost, and the folder is away."""
        lost = self._spool.with_name("lost")
        self._spool.rename(lost)

        def mend() -> None:
            for path in lost.iterdir():
                path.unlink()
            lost.rename(self._spool)

        return mend

    def database(self) -> Mend:
        """Somebody holds the one lock for writing."""
        connection = sqlite3.connect(self._database, isolation_level=None, timeout=30)
        connection.execute("BEGIN IMMEDIATE")

        def mend() -> None:
            connection.execute("ROLLBACK")
            connection.close()

        return mend

    connections = database

    def pids(self) -> set[int]:
        return set()


class Servers:
    """PostgreSQL and Redis."""

    def __init__(self, postgres: servers.Postgres, redis: servers.Redis) -> None:
        self._postgres, self._redis = postgres, redis
        self.database_url, self.broker_url = postgres.url(), redis.url()

    def join(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True)

    def broker(self) -> Mend:
        self._redis.crash()
        return self._redis.start

    def database(self) -> Mend:
        self._postgres.crash()
        return self._postgres.start

    def connections(self) -> Mend:
        with contextlib.suppress(servers.psycopg.OperationalError):  # it is down just now
            self._postgres.disconnect_all()
        return lambda: None

    def pids(self) -> set[int]:
        return {server.pid for server in (self._postgres, self._redis) if server.pid}


@contextlib.contextmanager
def opened(name: str, folder: Path) -> Iterator[Backend]:
    """`files` or `servers`. Raises servers.Missing."""
    if name == "files":
        yield Files(folder)
    else:
        with servers.running() as (postgres, redis):
            yield Servers(postgres, redis)
