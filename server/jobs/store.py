"""The jobs table is the truth: what was asked, who works on it, what came out.

A job is queued, running, and then done, failed or cancelled. This is the side of those who ask;
leases.py is the side of those who work.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Select, and_, delete, func, or_, select, update
from sqlalchemy.dialects import sqlite

from server.errors import IdempotencyConflict, QueueFull
from server.jobs import counters
from server.jobs.parcels import Parcels
from server.jobs.tables import (
    IN_FLIGHT,
    STATES_IN_FLIGHT,
    jobs,
    pictures,
    reading,
    requests,
    waiting,
    workers,
)

WORKER_SEEN_S = 10.0  # a worker that is silent for longer counts as gone

Kind = Literal["url", "file"]
State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is asked. Two with the same `key` in flight are one job."""

    kind: Kind
    source: str
    key: str
    params: dict[str, Any]
    urgent: bool = True
    idempotency_key: str | None = None
    asked: str = ""  # a digest of the request that the idempotency key stands for


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the table; times are Unix seconds."""

    id: str
    kind: Kind
    source: str
    key: str
    params: dict[str, Any]
    urgent: bool
    state: State
    stage: str
    progress: float
    partial: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    attempts: int
    owner: str | None
    lease_until: float
    sent_at: float
    created_at: float
    started_at: float | None
    finished_at: float | None
    content: str | None = None

    @property
    def in_flight(self) -> bool:
        return self.state in STATES_IN_FLIGHT


class Store:
    """Submit, look up, cancel, forget. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._writer = engine
        self._reader = reading(engine)
        self.parcels = Parcels(engine)
        self._insert: Any = sqlite.insert
        if engine.dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql  # loads its many drivers

            self._insert = postgresql.insert

    def submit(self, new: NewJob, limit: int, cache_s: float = 0.0) -> tuple[str, bool]:
        """The id of the job for `new`, and whether it was created now.

        Otherwise it is the one that the idempotency key stands for, that is in flight, or that
        was done less than `cache_s` ago. Raises QueueFull if `limit` jobs are waiting already;
        IdempotencyConflict if the idempotency key stands for another request.
        """
        with self._writer.begin() as connection:
            if known := self._claimed(connection, new):
                return known, False
            job_id, created = self._found_or_added(connection, new, limit, cache_s)
            if new.idempotency_key is not None:
                key = requests.c.idempotency_key == new.idempotency_key
                connection.execute(update(requests).where(key).values(job_id=job_id))
            return job_id, created

    def _claimed(self, connection: Connection, new: NewJob) -> str | None:
        """The job of the idempotency key; None if there is no key, or it is `new`'s from now on.

        Taken before anything else is done: PostgreSQL lets another one with the same key wait here.
        """
        if new.idempotency_key is None:
            return None
        row = {"idempotency_key": new.idempotency_key, "asked": new.asked}
        add = self._insert(requests).values(row)
        add = add.on_conflict_do_nothing(index_elements=["idempotency_key"])
        if connection.scalar(add.returning(requests.c.idempotency_key)):
            return None
        query = select(requests).where(requests.c.idempotency_key == new.idempotency_key)
        taken = connection.execute(query).one()
        if taken.asked != new.asked:
            raise IdempotencyConflict(
                "Send another key, or the request that this one was used for."
            )
        return str(taken.job_id)

    def _found_or_added(
        self, connection: Connection, new: NewJob, limit: int, cache_s: float
    ) -> tuple[str, bool]:
        now = time.time()
        row = {
            "id": secrets.token_hex(16),
            "kind": new.kind,
            "source": new.source,
            "key": new.key,
            "params": new.params,
            "urgent": new.urgent,
            **waiting(now),
            "attempts": 0,
            "created_at": now,
        }
        same = jobs.c.urgent == new.urgent
        if new.kind == "file":  # it fills the disk, however urgent it is
            same = or_(jobs.c.urgent, jobs.c.kind == "file")
        alike = and_(jobs.c.state == "queued", same)
        length = select(func.count()).where(alike)
        twin = select(jobs.c.id).where(jobs.c.key == new.key, IN_FLIGHT)
        add = self._insert(jobs).values(row)
        add = add.on_conflict_do_nothing(index_elements=["key"], index_where=IN_FLIGHT)
        add = add.returning(jobs.c.id)
        while True:  # again only if the twin ends between the statements
            if found := connection.scalar(twin):
                return str(found), False
            if cache_s and (found := connection.scalar(answer_to(new.key, now - cache_s))):
                return str(found), False
            if connection.execute(length).scalar_one() >= limit:
                raise QueueFull(f"{limit} checks are waiting; try again in a moment")
            if created := connection.scalar(add):
                return str(created), True

    def hurry(self, job_id: str) -> bool:
        """Make a waiting job urgent; False if it is, or waits no more."""
        waits = and_(jobs.c.id == job_id, jobs.c.state == "queued", jobs.c.urgent.is_(False))
        with self._reader.connect() as connection:  # mostly it is not so, and nothing is written
            if not connection.scalar(select(func.count()).where(waits)):
                return False
        with self._writer.begin() as connection:
            return bool(connection.execute(update(jobs).where(waits).values(urgent=True)).rowcount)

    def get(self, job_id: str) -> Job | None:
        with self._reader.connect() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
        return Job(**row._mapping) if row else None

    def state(self, job_id: str) -> State | None:
        """Only the state: cheap enough to ask several times a second."""
        with self._reader.connect() as connection:
            state: State | None = connection.scalar(select(jobs.c.state).where(jobs.c.id == job_id))
        return state

    def recent(
        self, limit: int, before: float | None = None, state: str | None = None
    ) -> list[Job]:
        """The newest jobs first: those created `before` a time, in a `state`."""
        query = select(jobs).order_by(jobs.c.created_at.desc()).limit(limit)
        if before is not None:
            query = query.where(jobs.c.created_at < before)
        if state is not None:
            query = query.where(jobs.c.state == state)
        with self._reader.connect() as connection:
            return [Job(**row._mapping) for row in connection.execute(query)]

    def picture(self, job_id: str, face: int, moment: int, kind: str) -> bytes | None:
        """The JPEG of one of a result's faces."""
        asked = {"job_id": job_id, "face": face, "moment": moment, "kind": kind}
        with self._reader.connect() as connection:
            jpeg: bytes | None = connection.scalar(select(pictures.c.jpeg).filter_by(**asked))
        return jpeg

    def pulse(self, job_id: str) -> tuple[Any, ...] | None:
        """What differs after every change of a job, or of its place in the queue."""
        ahead = select(func.count()).where(jobs.c.state == "queued").scalar_subquery()
        query = select(jobs.c.state, jobs.c.lease_until, jobs.c.sent_at, ahead)
        with self._reader.connect() as connection:
            row = connection.execute(query.where(jobs.c.id == job_id)).one_or_none()
        return tuple(row) if row else None

    def position(self, job: Job) -> int:
        """How many waiting jobs come before this one."""
        ahead = and_(jobs.c.urgent == job.urgent, jobs.c.created_at < job.created_at)
        if not job.urgent:
            ahead = or_(ahead, jobs.c.urgent)
        query = select(func.count()).where(jobs.c.state == "queued", ahead)
        with self._reader.connect() as connection:
            return int(connection.scalar(query) or 0)

    def counts(self) -> dict[str, int]:
        """How many jobs are in flight, by state."""
        query = select(jobs.c.state, func.count()).where(IN_FLIGHT).group_by(jobs.c.state)
        with self._reader.connect() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {"queued": found.get("queued", 0), "running": found.get("running", 0)}

    def sums(self) -> dict[counters.Key, float]:
        """What was done so far; see counters.py."""
        with self._reader.connect() as connection:
            return counters.read(connection)

    def cancel(self, job_id: str) -> bool:
        """End a job that is in flight; its worker notices that it owns it no more."""
        query = (
            update(jobs)
            .where(jobs.c.id == job_id, IN_FLIGHT)
            .values(state="cancelled", owner=None, partial=None, finished_at=time.time())
        )
        with self._writer.begin() as connection:
            if cancelled := bool(connection.execute(query).rowcount):
                counters.add(connection, {(counters.JOBS, "cancelled"): 1})
            return cancelled

    def remove(self, job_id: str) -> bool:
        """Forget a job that has ended."""
        query = delete(jobs).where(jobs.c.id == job_id, jobs.c.state.not_in(STATES_IN_FLIGHT))
        with self._writer.begin() as connection:
            return bool(connection.execute(query).rowcount)

    def forget(self, before: float) -> int:
        """Delete the jobs that ended before a time; returns how many."""
        with self._writer.begin() as connection:
            return connection.execute(delete(jobs).where(jobs.c.finished_at < before)).rowcount

    def live_backends(self) -> list[str]:
        """What runs the networks of the workers that are alive, sorted; mostly one."""
        alive = workers.c.seen_at > time.time() - WORKER_SEEN_S
        query = select(workers.c.backend).where(alive).distinct().order_by(workers.c.backend)
        with self._reader.connect() as connection:
            return list(connection.scalars(query))

    def live_slots(self) -> int:
        """How many checks the workers that are alive can run at the same time."""
        alive = workers.c.seen_at > time.time() - WORKER_SEEN_S
        with self._reader.connect() as connection:
            return int(connection.scalar(select(func.sum(workers.c.slots)).where(alive)) or 0)


def answer_to(key: str, since: float) -> Select[tuple[str]]:
    """The newest job done since a time that answers the check with this key."""
    same = or_(jobs.c.key == key, jobs.c.content == key)
    done = and_(same, jobs.c.state == "done", jobs.c.finished_at >= since)
    return select(jobs.c.id).where(done).order_by(jobs.c.finished_at.desc()).limit(1)
