"""A database that the first version wrote is carried over: results, pictures and waiting checks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    inspect,
    select,
    text,
)

from server.jobs.leases import Leases
from server.jobs.records import NewJob
from server.jobs.store import Store
from server.jobs.tables import metadata, open_engine, works
from tests.backends import Backend

NOW = time.time()
RESULT = {"schema": 1, "label": "fake"}
URL = "http://site.test/a.mp4"

# The tables of 0.1.0, as its create_all made them.
old = MetaData()
IN_FLIGHT = text("state IN ('queued', 'running')")
old_jobs = Table(
    "jobs",
    old,
    Column("id", String(32), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("source", String, nullable=False),
    Column("key", String(64), nullable=False),
    Column("params", JSON, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("state", String(10), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("progress", Double, nullable=False),
    Column("partial", JSON(none_as_null=True)),
    Column("result", JSON(none_as_null=True)),
    Column("error", JSON(none_as_null=True)),
    Column("attempts", Integer, nullable=False),
    Column("owner", String(32)),
    Column("lease_until", Double, nullable=False),
    Column("sent_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("content", String(64)),
    Index("jobs_by_state", "state", "created_at"),
    Index("jobs_by_age", "created_at"),
    Index("jobs_by_key", "key", "state", "finished_at"),
    Index("jobs_by_content", "content", "state", "finished_at"),
)
Index(
    "jobs_in_flight",
    old_jobs.c.key,
    unique=True,
    sqlite_where=IN_FLIGHT,
    postgresql_where=IN_FLIGHT,
)
old_pictures = Table(
    "pictures",
    old,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("face", Integer, primary_key=True),
    Column("moment", Integer, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("jpeg", LargeBinary, nullable=False),
)
old_requests = Table(
    "requests",
    old,
    Column("idempotency_key", String(255), primary_key=True),
    Column("asked", String(64), nullable=False),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), index=True),
)


def row(job_id: str, **values: Any) -> dict[str, Any]:
    """A job of the old table; done, of an address, unless `values` have it otherwise."""
    ended = {"result": RESULT, "started_at": NOW - 50, "finished_at": NOW - 40}
    return {
        "id": job_id, "kind": "url", "source": URL, "key": f"key-{job_id}",
        "params": {"options": {}, "title": None, "fresh": False}, "urgent": True,
        "state": "done", "stage": "done", "progress": 1.0, "partial": None, "error": None,
        "attempts": 1, "owner": None, "lease_until": 0.0, "sent_at": NOW - 60,
        "created_at": NOW - 60, "content": None, **ended, **values,
    }  # fmt: skip


UNDONE = {"result": None, "finished_at": None, "progress": 0.0}
TITLED = {"options": {}, "title": "mine.mp4", "fresh": False}
ROWS = [
    row("done", content="media"),
    row("file", kind="file", source="/var/uploads/1", params=TITLED, created_at=NOW - 59),
    row("failed", result=None, state="failed", error={"code": "gone"}, created_at=NOW - 58),
    row("off", **UNDONE | {"state": "cancelled", "finished_at": NOW - 30}, created_at=NOW - 57),
    row("waits", **UNDONE, state="queued", stage="queued", params=TITLED, kind="file",
        source="/var/uploads/2", created_at=NOW - 56),
    row("runs", **UNDONE, state="running", stage="faces", owner="me", lease_until=NOW + 60,
        created_at=NOW - 55),
]  # fmt: skip
PICTURE = {"job_id": "done", "face": 1, "moment": 0, "kind": "face", "jpeg": b"\xff\xd8"}


@pytest.fixture
def url(backend: Backend) -> str:
    """A database as 0.1.0 left it."""
    engine = create_engine(backend.database_url)
    old.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(old_jobs), ROWS)
        connection.execute(insert(old_pictures), [PICTURE])
        kept = {"idempotency_key": "1", "asked": "this", "job_id": "done"}
        connection.execute(insert(old_requests), [kept])
    engine.dispose()
    return backend.database_url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


def test_every_job_is_what_it_was(engine: Engine) -> None:
    store = Store(engine)
    jobs = {job.id: job for job in store.recent(10)}
    assert list(jobs) == ["runs", "waits", "off", "failed", "file", "done"]
    assert {job.id: job.state for job in jobs.values()} == {
        "runs": "running", "waits": "queued", "off": "cancelled", "failed": "failed",
        "file": "done", "done": "done",
    }  # fmt: skip
    assert [jobs[name].source for name in ("done", "file", "waits")] == [URL, *["mine.mp4"] * 2]
    assert jobs["done"].result == RESULT
    assert jobs["failed"].error == {"code": "gone"}
    assert jobs["off"].finished_at == pytest.approx(NOW - 30)
    assert jobs["done"].checked_at == pytest.approx(NOW - 40)
    assert store.picture("done", 1, 0, "face") == PICTURE["jpeg"]


def test_work_goes_on_under_its_old_number(engine: Engine) -> None:
    """Messages that wait in the broker, and a worker's lease, name it so."""
    store, leases = Store(engine), Leases(engine)
    assert leases.sources_in_use() == {"/var/uploads/2"}
    assert leases.finish("runs", "me", RESULT)
    assert leases.claim("waits", "you")
    assert leases.finish("waits", "you", RESULT)
    found = [store.get(job_id) for job_id in ("runs", "waits")]
    assert [job and job.state for job in found] == ["done"] * 2


def test_old_results_answer_and_are_deleted_as_new_ones(engine: Engine) -> None:
    store = Store(engine)
    for key, kind, work_id in (
        ("key-done", "url", "done"),
        ("media", "file", "done"),
        ("key-file", "file", "file"),
    ):
        new = store.submit(NewJob(kind, "x", key, {}), 9, cache_s=3600)  # type: ignore[arg-type]
        assert (new.work_id, new.created) == (work_id, False)
    assert store.remove("done")
    with engine.connect() as connection:
        held = connection.execute(select(works).where(works.c.id.in_(["done", "file"]))).all()
    assert len(held) == 2, "others were given them"
    assert "mp4" not in str(held), "and nothing of what their askers had said"


def test_the_tables_are_those_of_a_new_database(engine: Engine) -> None:
    there = inspect(engine)
    for table in metadata.sorted_tables:
        columns = {column["name"] for column in there.get_columns(table.name)}
        assert columns == set(table.columns.keys())
        indexes = {index["name"] for index in there.get_indexes(table.name)}
        assert indexes == {index.name for index in table.indexes}
    [key] = there.get_foreign_keys("pictures")
    assert key["referred_table"] == "works"


def test_many_processes_may_open_it_at_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(open_engine, [url] * 4))
    for engine in engines:
        assert len(Store(engine).recent(10)) == len(ROWS)
        engine.dispose()
