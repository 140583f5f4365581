"""The workers' side of the jobs table: a job is owned by a lease that must be renewed.

Every update names the attempt that owns the job, so that a worker that lost it (cancelled, or
taken over after its lease ran out) changes nothing by finishing late.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Update,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from server.errors import WorkerLost
from server.jobs import counters
from server.jobs.messages import Picture
from server.jobs.parcels import Parcels
from server.jobs.store import WORKER_SEEN_S, Job, answer_to
from server.jobs.tables import IN_FLIGHT, jobs, pictures, reading, waiting, workers

LEASE_S = 10.0  # a worker that is silent for longer has lost its job
MAX_ATTEMPTS = 3


class Leases:
    """Claim, renew and end jobs; take them back from lost workers. Safe to share between threads.

    `owner` is the name of one attempt, never used twice.
    """

    def __init__(self, engine: Engine) -> None:
        self._writer = engine
        self._reader = reading(engine)
        self.parcels = Parcels(engine)
        self._tally = counters.Tally()

    def claim(self, job_id: str, owner: str) -> Job | None:
        """Make a queued job `owner`'s; None if it is not waiting (any more)."""
        now = time.time()
        query = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.state == "queued")
            .values(
                state="running",
                owner=owner,
                lease_until=now + LEASE_S,
                attempts=jobs.c.attempts + 1,
                started_at=func.coalesce(jobs.c.started_at, now),
            )
            .returning(*jobs.c)
        )
        with self._writer.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.attempts == 1:
            self._tally.claimed(now - row.created_at)
        return Job(**row._mapping)

    def owns(self, job_id: str, owner: str) -> bool:
        with self._reader.connect() as connection:
            return bool(connection.scalar(select(func.count()).where(*_owned(job_id, owner))))

    def renew(
        self,
        job_id: str,
        owner: str,
        *,
        stage: str | None = None,
        progress: float | None = None,
        partial: dict[str, Any] | None = None,
    ) -> bool:
        """Renew the lease, with what is new; False if the job is not ours."""
        news = {"stage": stage, "progress": progress, "partial": partial}
        values = {name: value for name, value in news.items() if value is not None}
        until = time.time() + LEASE_S
        return self._change(
            update(jobs).where(*_owned(job_id, owner)).values(lease_until=until, **values)
        )

    def finish(
        self, job_id: str, owner: str, result: dict[str, Any], shown: Sequence[Picture] = ()
    ) -> bool:
        """End a job with its result and the pictures that go with it."""
        rows = [{"job_id": job_id, **asdict(picture)} for picture in shown]
        with self._writer.begin() as connection:
            made_at = connection.scalar(_done(job_id, owner, result))
            if made_at and rows:
                connection.execute(insert(pictures), rows)
        if made_at:
            self._tally.analyzed(result)
        return self._counted("done", made_at)

    def same_media(self, job_id: str, owner: str, content: str, since: float) -> str | None:
        """Note what the job's media is; the newest job done `since` then that saw the same."""
        with self._writer.begin() as connection:
            note = update(jobs).where(*_owned(job_id, owner)).values(content=content)
            connection.execute(note)
            twin = connection.scalar(answer_to(content, since))
        return str(twin) if twin else None

    def finish_as(self, job_id: str, owner: str, twin: str) -> bool:
        """End a job with what another one has found; False also if that is there no more."""
        columns = [column for column in pictures.c if column is not pictures.c.job_id]
        shown = select(literal(job_id), *columns).where(pictures.c.job_id == twin)
        names = ["job_id", *(column.name for column in columns)]
        with self._writer.begin() as connection:
            result = connection.scalar(select(jobs.c.result).where(jobs.c.id == twin))
            made_at = connection.scalar(_done(job_id, owner, result)) if result else None
            if made_at:
                connection.execute(insert(pictures).from_select(names, shown))
        return self._counted("done", made_at)

    def fail(self, job_id: str, owner: str, error: dict[str, Any]) -> bool:
        with self._writer.begin() as connection:
            made_at = connection.scalar(_ended(job_id, owner, state="failed", error=error))
        return self._counted(counters.failed(error), made_at)

    def release(self, job_id: str, owner: str, *, counted: bool) -> bool:
        """Put a job back; `counted` says whether this attempt is one of the MAX_ATTEMPTS."""
        attempts = jobs.c.attempts - (0 if counted else 1)
        return self._change(
            update(jobs)
            .where(*_owned(job_id, owner))
            .values(**waiting(time.time()), attempts=attempts)
        )

    def expire(self) -> list[tuple[str, bool]]:
        """Take jobs from workers that went silent: (id, urgent) of those that wait again."""
        now = time.time()
        lost = and_(jobs.c.state == "running", jobs.c.lease_until < now)
        error = WorkerLost(f"its worker was lost {MAX_ATTEMPTS} times").to_json()
        give_up = (
            update(jobs)
            .where(lost, jobs.c.attempts >= MAX_ATTEMPTS)
            .values(state="failed", error=error, owner=None, partial=None, finished_at=now)
        )
        again = update(jobs).where(lost).values(**waiting(now))
        with self._writer.begin() as connection:
            if given_up := connection.execute(give_up).rowcount:
                counters.add(connection, {(counters.JOBS, counters.failed(error)): given_up})
            rows = connection.execute(again.returning(jobs.c.id, jobs.c.urgent))
            return [(row.id, row.urgent) for row in rows]

    def overdue(self, after_s: float, count: int) -> list[tuple[str, bool]]:
        """The first `count` jobs still waiting `after_s` after they were sent; now sent again."""
        now = time.time()
        late = and_(jobs.c.state == "queued", jobs.c.sent_at < now - after_s)
        first = select(jobs.c.id).where(late).limit(count)
        first = first.order_by(case((jobs.c.urgent, 0), else_=1), jobs.c.created_at)
        query = update(jobs).where(jobs.c.id.in_(first), late).values(sent_at=now)
        with self._writer.begin() as connection:
            rows = connection.execute(query.returning(jobs.c.id, jobs.c.urgent))
            return [(row.id, row.urgent) for row in rows]

    def sources_in_use(self) -> set[str]:
        """The uploads that a job in flight still needs."""
        query = select(jobs.c.source).where(jobs.c.kind == "file", IN_FLIGHT)
        with self._reader.connect() as connection:
            return set(connection.scalars(query))

    def owners(self) -> set[str]:
        """The attempts that are running now."""
        with self._reader.connect() as connection:
            return set(connection.scalars(select(jobs.c.owner).where(jobs.c.state == "running")))

    def worker_seen(self, name: str, slots: int, backend: str = "tflite") -> None:
        """Say that this worker is alive, and what it has done since it last did."""
        now = time.time()
        with self._tally.taken() as sums, self._writer.begin() as connection:
            counters.add(connection, sums)
            connection.execute(
                delete(workers).where(
                    or_(workers.c.name == name, workers.c.seen_at < now - 60 * WORKER_SEEN_S)
                )
            )
            seen = {"name": name, "slots": slots, "backend": backend, "seen_at": now}
            connection.execute(insert(workers).values(seen))

    def worker_gone(self, name: str) -> None:
        with self._tally.taken() as sums, self._writer.begin() as connection:
            counters.add(connection, sums)
            connection.execute(delete(workers).where(workers.c.name == name))

    def _counted(self, outcome: str, made_at: float | None) -> bool:
        """Count a job that has ended; False if it was not ours to end."""
        if made_at:
            self._tally.ended(outcome, time.time() - made_at)
        return bool(made_at)

    def _change(self, query: Update) -> bool:
        with self._writer.begin() as connection:
            return bool(connection.execute(query).rowcount)


def _done(job_id: str, owner: str, result: dict[str, Any] | None) -> ReturningUpdate[float]:
    return _ended(job_id, owner, state="done", stage="done", progress=1.0, result=result)


def _ended(job_id: str, owner: str, **values: Any) -> ReturningUpdate[float]:
    """Ends a job; returns when it was made, or nothing if it is not ours."""
    return (
        update(jobs)
        .where(*_owned(job_id, owner))
        .values(**values, partial=None, owner=None, finished_at=time.time())
        .returning(jobs.c.created_at)
    )


def _owned(job_id: str, owner: str) -> tuple[ColumnElement[bool], ...]:
    return jobs.c.id == job_id, jobs.c.owner == owner, jobs.c.state == "running"
