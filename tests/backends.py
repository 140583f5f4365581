"""The two homes of the service, for tests: files in a folder, and PostgreSQL with Redis."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import servers

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Backend:
    """What a site is told; `servers` are the processes behind it, to be broken by a test."""

    database_url: str
    broker_url: str
    servers: tuple[servers.Postgres, servers.Redis] | None = None


@pytest.fixture(scope="session")
def two_servers() -> Iterator[tuple[servers.Postgres, servers.Redis]]:
    """PostgreSQL and Redis, started once; skipped where they are not installed."""
    try:
        with servers.running(fsync="off") as both:
            yield both
    except servers.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def on_servers(two_servers: tuple[servers.Postgres, servers.Redis]) -> Iterator[Backend]:
    """An empty database and an empty broker."""
    postgres, redis = two_servers
    number = next(_numbers)
    with postgres.connect() as connection:
        connection.execute(f"CREATE DATABASE test_{number}")
    yield Backend(postgres.url(f"test_{number}"), redis.url(number % 16), two_servers)
    redis.empty()
    with postgres.connect() as connection:
        connection.execute(f"DROP DATABASE test_{number} WITH (FORCE)")


@pytest.fixture
def on_files(tmp_path: Path) -> Backend:
    return Backend(f"sqlite:///{tmp_path / 'jobs.db'}", "")


@pytest.fixture(params=["on_files", "on_servers"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each in turn."""
    found: Backend = request.getfixturevalue(request.param)
    return found
