"""The tables, and an engine that makes SQLite behave like PostgreSQL where it matters to us."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    case,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    make_url,
    not_,
    select,
    text,
    update,
)

from server.config import Settings
from server.jobs.folders import Folders

BUSY_S = 10.0  # how long a writer waits for another one (SQLite has one at a time)
SCHEMA_LOCK = 5_021_847  # any number that only we take, for PostgreSQL's advisory lock

metadata = MetaData()

# Written literally: PostgreSQL cannot match ON CONFLICT to a partial index by bound parameters.
STATES_IN_FLIGHT = ("queued", "running")
IN_FLIGHT = text("state IN ('queued', 'running')")

# What an asker said. Others may keep the result; a work that has ended keeps none of this.
FORGOTTEN: dict[str, Any] = {"source": "", "key": "", "params": {}}

# A job of 0.1.0 becomes a work under its own number, with its pictures; messages name it so too.
TO_WORKS = (
    "DROP TABLE IF EXISTS requests",
    "DROP INDEX IF EXISTS jobs_by_state",
    "DROP INDEX IF EXISTS jobs_by_age",
    "DROP INDEX IF EXISTS jobs_by_key",
    "DROP INDEX IF EXISTS jobs_by_content",
    "DROP INDEX IF EXISTS jobs_in_flight",
    "ALTER TABLE jobs RENAME TO works",
    "ALTER TABLE pictures RENAME COLUMN job_id TO work_id",
)


works = Table(  # what a worker does, once for all who asked for it
    "works",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(8), nullable=False),  # url or file
    Column("source", String, nullable=False),  # the address, or the path of the upload
    Column("key", String(64), nullable=False),  # what is asked: equal keys are the same work
    Column("params", JSON, nullable=False),
    Column("urgent", Boolean, nullable=False),  # a person is waiting
    Column("state", String(10), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("progress", Double, nullable=False),
    Column("partial", JSON(none_as_null=True)),
    Column("result", JSON(none_as_null=True)),
    Column("error", JSON(none_as_null=True)),
    Column("attempts", Integer, nullable=False),
    Column("owner", String(32)),  # one attempt of one worker
    Column("lease_until", Double, nullable=False),
    Column("sent_at", Double, nullable=False),  # last handed to the broker
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("content", String(64)),  # what the media itself is asked, once its hash is known
    Index("works_by_state", "state", "created_at"),
    Index("works_by_content", "content", "state", "finished_at"),
)
in_flight = Index("works_in_flight", works.c.key, unique=True, sqlite_where=IN_FLIGHT)

jobs = Table(  # what one asker asked for, in that asker's words
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("work_id", ForeignKey(works.c.id)),  # null: its asker has called it off
    Column("kind", String(8), nullable=False),
    Column("source", String, nullable=False),  # the address, or the name of the file that was sent
    Column("key", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("cancelled_at", Double),
    Index("jobs_by_work", "work_id"),
    Index("jobs_by_key", "key"),
    Index("jobs_by_age", "created_at"),
)

pictures = Table(  # JPEGs of faces that a result shows
    "pictures",
    metadata,
    Column("work_id", ForeignKey(works.c.id, ondelete="CASCADE"), primary_key=True),
    Column("face", Integer, primary_key=True),
    Column("moment", Integer, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("jpeg", LargeBinary, nullable=False),
)

parcels = Table(  # uploads, where the database is shared by machines; see parcels.py
    "parcels",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("sent_at", Double, nullable=False),
    Column("piece", LargeBinary, nullable=False),
)

requests = Table(  # which job a client was given for its idempotency key
    "requests",
    metadata,
    Column("idempotency_key", String(64), primary_key=True),  # a digest, with whose it is
    Column("asked", String(64), nullable=False),  # a digest of the request
    # null only inside of a transaction
    Column("job_id", ForeignKey(jobs.c.id, ondelete="CASCADE"), index=True),
)

counters = Table(  # sums that outlive the jobs; server/jobs/counters.py names them
    "counters",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("value", Double, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("backend", String(16), nullable=False),  # what runs the networks of its checks
    Column("seen_at", Double, nullable=False),
)


def database_url(settings: Settings) -> str:
    """The database that is set, or a file in the data folder."""
    if settings.database_url:
        return settings.database_url
    database = Folders.create(settings.data_dir).database
    database.touch(mode=0o600)  # its other files get the mode that it has
    return f"sqlite:///{database}"


def open_engine(url: str) -> Engine:
    """Connect, create what is missing and carry over what an older version wrote.

    Safe while other processes do the same.
    """
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(url, pool_pre_ping=True)
        # Not where the index is made: naming a dialect loads its many drivers.
        in_flight.dialect_options[engine.dialect.name]["where"] = IN_FLIGHT
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})"))
        upgrade(connection)
        metadata.create_all(connection)
    return engine


def upgrade(connection: Connection) -> None:
    """Make a database of 0.1.0, in which a job was its own work, one of ours.

    Its idempotency keys are let go of: whose they were is not known.
    """
    there = inspect(connection)
    if there.has_table(works.name) or not there.has_table(jobs.name):
        return
    for statement in TO_WORKS:
        connection.execute(text(statement))
    for index in works.indexes:
        index.create(connection)
    metadata.create_all(connection)
    cancelled = works.c.state == "cancelled"
    name = func.coalesce(works.c.params["title"].as_string(), "")
    asked = select(
        works.c.id,
        case((not_(cancelled), works.c.id)),
        works.c.kind,
        case((works.c.kind == "url", works.c.source), else_=name),
        works.c.key,
        works.c.created_at,
        case((cancelled, works.c.finished_at)),
    )
    connection.execute(insert(jobs).from_select(list(jobs.c), asked))
    connection.execute(delete(works).where(cancelled))
    file = update(works).where(works.c.kind == "file")
    connection.execute(file.values(content=works.c.key))
    ended = works.c.state.not_in(STATES_IN_FLIGHT)
    connection.execute(update(works).where(ended).values(**FORGOTTEN))


def reading(engine: Engine) -> Engine:
    """The same engine for transactions that only read, which never wait for a writer."""
    return engine.execution_options(reads_only=True)


def waiting(now: float) -> dict[str, Any]:
    """The values of a work that waits for a worker and is handed to the broker now."""
    return {
        "state": "queued",
        "stage": "queued",
        "progress": 0.0,
        "partial": None,
        "owner": None,
        "lease_until": 0.0,
        "sent_at": now,
    }


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own transactions would start too late
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock first: a transaction that upgrades later may fail instead of waiting."""
    reads = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
