"""What was asked and what came of it: every asker has a job, and those who ask the same share work.

A work is queued, running, and then done or failed. It is there for as long as a job refers to it; a
job is what its work is, or cancelled. This is the side of those who ask; leases.py is the side of
those who work.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.dialects import sqlite

from server.errors import IdempotencyConflict, QueueFull
from server.jobs import counters
from server.jobs.records import JOBS, STATE, Job, NewJob, Taken
from server.jobs.tables import (
    IN_FLIGHT,
    STATES_IN_FLIGHT,
    jobs,
    pictures,
    reading,
    requests,
    waiting,
    workers,
    works,
)
from server.jobs.uploads import UploadChunks
from server.terms import State

WORKER_SEEN_S = 10.0  # a worker without a heartbeat for longer counts as gone

T = TypeVar("T", bound=tuple[Any, ...])


class Store:
    """Submit, look up, cancel, forget. Safe to share between threads.

    Joining or leaving a work locks its row first: so no job joins a work that is being dropped.
    """

    def __init__(self, engine: Engine) -> None:
        self._writer = engine
        self._reader = reading(engine)
        self.chunks = UploadChunks(engine)
        self._insert: Any = sqlite.insert
        if engine.dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql  # loads its many drivers

            self._insert = postgresql.insert

    def close(self) -> None:
        """Close the connections that nobody uses just now; others can be opened later."""
        self._writer.dispose()

    def submit(self, new: NewJob, limit: int, cache_s: float = 0.0) -> Taken:
        """A job for `new`, or the one that its idempotency key stands for.

        Its work is one that is in flight, that was done less than `cache_s` ago, or is created.
        Raises QueueFull if that many works as `limit` wait already; IdempotencyConflict if the
        idempotency key stands for another request.
        """
        with self._writer.begin() as connection:
            if known := self._claimed(connection, new):
                return Taken(known)
            work_id, created = self._found_or_added(connection, new, limit, cache_s)
            row = {
                "id": secrets.token_hex(16),
                "work_id": work_id,
                "kind": new.kind,
                "source": new.source if new.kind == "url" else new.name,
                "key": new.key,
                "created_at": time.time(),
            }
            connection.execute(insert(jobs).values(row))
            if new.idempotency_key is not None:
                key = requests.c.idempotency_key == new.idempotency_key
                connection.execute(update(requests).where(key).values(job_id=row["id"]))
            return Taken(str(row["id"]), work_id, created)

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
            "content": new.key if new.kind == "file" else None,
        }
        same = works.c.urgent == new.urgent
        if new.kind == "file":  # it fills the disk, however urgent it is
            same = or_(works.c.urgent, works.c.kind == "file")
        alike = and_(works.c.state == "queued", same)
        length = select(func.count()).where(alike)
        twin = joining(select(works.c.id).where(works.c.key == new.key, IN_FLIGHT))
        add = self._insert(works).values(row)
        add = add.on_conflict_do_nothing(index_elements=["key"], index_where=IN_FLIGHT)
        add = add.returning(works.c.id)
        while True:  # again only if the twin ends between the statements
            if found := connection.scalar(twin):
                return str(found), False
            if cache_s and (found := connection.scalar(answer_to(new.key, now - cache_s))):
                return str(found), False
            if connection.execute(length).scalar_one() >= limit:
                raise QueueFull(f"{limit} checks are waiting; try again in a moment")
            if created := connection.scalar(add):
                return str(created), True

    def prioritise(self, work_id: str) -> bool:
        """Make a waiting work urgent; False if it is, or waits no more."""
        waits = and_(works.c.id == work_id, works.c.state == "queued", works.c.urgent.is_(False))
        with self._reader.connect() as connection:  # mostly it is not so, and nothing is written
            if not connection.scalar(select(func.count()).where(waits)):
                return False
        with self._writer.begin() as connection:
            return bool(connection.execute(update(works).where(waits).values(urgent=True)).rowcount)

    def get(self, job_id: str) -> Job | None:
        with self._reader.connect() as connection:
            row = connection.execute(JOBS.where(jobs.c.id == job_id)).one_or_none()
        return Job.of(row) if row else None

    def state(self, job_id: str) -> State | None:
        """Only the state: cheap enough to ask several times a second."""
        query = select(STATE).select_from(jobs.outerjoin(works)).where(jobs.c.id == job_id)
        with self._reader.connect() as connection:
            state: State | None = connection.scalar(query)
        return state

    def recent(
        self, limit: int, before: float | None = None, state: str | None = None
    ) -> list[Job]:
        """The newest jobs first: those created `before` a time, in a `state`."""
        query = JOBS.order_by(jobs.c.created_at.desc()).limit(limit)
        if before is not None:
            query = query.where(jobs.c.created_at < before)
        if state is not None:
            query = query.where(STATE.in_([state]))
        with self._reader.connect() as connection:
            return [Job.of(row) for row in connection.execute(query)]

    def picture(self, job_id: str, face: int, moment: int, kind: str) -> bytes | None:
        """The JPEG of one of a result's faces."""
        query = select(pictures.c.jpeg).filter_by(face=face, moment=moment, kind=kind)
        query = query.join(jobs, jobs.c.work_id == pictures.c.work_id).where(jobs.c.id == job_id)
        with self._reader.connect() as connection:
            jpeg: bytes | None = connection.scalar(query)
        return jpeg

    def change_token(self, job_id: str) -> tuple[Any, ...] | None:
        """What differs after every change of a job, or of its place in the queue."""
        queued = works.alias()
        ahead = select(func.count()).where(queued.c.state == "queued").scalar_subquery()
        query = select(works.c.state, works.c.lease_until, works.c.sent_at, ahead)
        query = query.select_from(jobs.outerjoin(works)).where(jobs.c.id == job_id)
        with self._reader.connect() as connection:
            row = connection.execute(query).one_or_none()
        return tuple(row) if row else None

    def position(self, job: Job) -> int:
        """How many waiting works come before this job's."""
        own = works.alias()
        sooner = and_(works.c.urgent == own.c.urgent, works.c.created_at < own.c.created_at)
        ahead = or_(sooner, and_(works.c.urgent, not_(own.c.urgent)))
        query = select(func.count(works.c.id)).join(own, ahead)
        query = query.where(works.c.state == "queued", own.c.id == job.work_id)
        with self._reader.connect() as connection:
            return int(connection.scalar(query) or 0)

    def counts(self) -> dict[str, int]:
        """How many works are in flight, by state."""
        query = select(works.c.state, func.count()).where(IN_FLIGHT).group_by(works.c.state)
        with self._reader.connect() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {"queued": found.get("queued", 0), "running": found.get("running", 0)}

    def sums(self) -> dict[counters.Key, float]:
        """What was done so far; see counters.py."""
        with self._reader.connect() as connection:
            return counters.read(connection)

    def cancel(self, job_id: str) -> bool:
        """Call off a job that is in flight. Its work goes on for others who asked for it; a work
        that no job refers to is dropped, and its worker finds its lease gone."""
        with self._writer.begin() as connection:
            work = _work_of(connection, job_id)
            if work is None or work.state not in STATES_IN_FLIGHT:
                return False
            own = and_(jobs.c.id == job_id, jobs.c.work_id == work.id)
            off = update(jobs).where(own).values(work_id=None, cancelled_at=time.time())
            if not connection.execute(off).rowcount:
                return False
            dropped = _dropped(connection, work.id)
            if dropped:
                counters.add(connection, {(counters.JOBS, "cancelled"): 1})
        if dropped and work.kind == "file":
            self.chunks.drop(Path(work.source))
        return True

    def remove(self, job_id: str) -> bool:
        """Forget a job that has ended, and its work if it was the last that referred to it."""
        with self._writer.begin() as connection:
            work = _work_of(connection, job_id)
            if work and work.state in STATES_IN_FLIGHT:
                return False
            removed = connection.execute(delete(jobs).where(jobs.c.id == job_id)).rowcount
            if work:
                _dropped(connection, work.id)
            return bool(removed)

    def forget(self, before: float) -> int:
        """Delete the jobs that were made and ended before a time, and works that are left without
        any; returns how many jobs."""
        ended_at = func.coalesce(jobs.c.cancelled_at, works.c.finished_at)
        old = and_(jobs.c.created_at < before, ended_at < before)
        old_jobs, their_works = (
            select(column).select_from(jobs.outerjoin(works)).where(old)
            for column in (jobs.c.id, jobs.c.work_id)
        )
        held = select(works.c.id).where(works.c.id.in_(their_works)).order_by(works.c.id)
        with self._writer.begin() as connection:
            connection.execute(held.with_for_update())
            forgotten = connection.execute(delete(jobs).where(jobs.c.id.in_(old_jobs))).rowcount
            connection.execute(delete(works).where(works.c.finished_at < before, UNWANTED))
        return forgotten

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
    """The newest work done since a time that answers a check with this key: that was asked so, or
    looked at media of which it would be asked so."""
    asked = select(jobs.c.work_id).where(jobs.c.key == key)
    seen = works.alias()
    same = works.c.id.in_(union(asked, select(seen.c.id).where(seen.c.content == key)))
    done = and_(same, works.c.state == "done", works.c.finished_at >= since)
    return joining(select(works.c.id).where(done).order_by(works.c.finished_at.desc()).limit(1))


def joining(query: Select[T]) -> Select[T]:
    """The query, so that the work it finds stays there until this transaction ends."""
    return query.with_for_update(read=True, key_share=True, of=works)


UNWANTED = ~exists().where(jobs.c.work_id == works.c.id)


def _work_of(connection: Connection, job_id: str) -> Row[Any] | None:
    """The work of a job that is about to leave it."""
    columns = works.c.id, works.c.state, works.c.kind, works.c.source
    query: Select[Any] = select(*columns).join(jobs).where(jobs.c.id == job_id)
    return connection.execute(query.with_for_update(of=works)).one_or_none()


def _dropped(connection: Connection, work_id: str) -> bool:
    """Whether no job refers to the work any more; then it is deleted."""
    query = delete(works).where(works.c.id == work_id, UNWANTED)
    return bool(connection.execute(query).rowcount)
