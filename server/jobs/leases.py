"""The workers' side of the tables: a work is owned by a lease that must be renewed.

Every update names the attempt that owns the work, so that a worker that lost it (the work
was dropped, or taken over after its lease ran out) changes nothing by finishing late.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, fields
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
from server.jobs.records import Work, unfetched
from server.jobs.store import WORKER_SEEN_S, answer_to, joining
from server.jobs.tables import FORGOTTEN, IN_FLIGHT, pictures, reading, waiting, workers, works
from server.jobs.uploads import UploadChunks
from server.processes.messages import Picture

LEASE_S = 10.0  # a lease not renewed for longer is lost
MAX_ATTEMPTS = 3
WORK = [works.c[field.name] for field in fields(Work)]


class Leases:
    """Claim, renew and end works; take them back from lost workers. Safe to share between threads.

    `owner` is the name of one attempt, never used twice.
    """

    def __init__(self, engine: Engine) -> None:
        self._writer = engine
        self._reader = reading(engine)
        self.chunks = UploadChunks(engine)
        self._tally = counters.Tally()

    def claim(self, work_id: str, owner: str) -> Work | None:
        """Make a queued work `owner`'s; None if it is not waiting (any more)."""
        now = time.time()
        query = (
            update(works)
            .where(works.c.id == work_id, works.c.state == "queued")
            .values(
                state="running",
                owner=owner,
                lease_until=now + LEASE_S,
                attempts=works.c.attempts + 1,
                started_at=func.coalesce(works.c.started_at, now),
            )
            .returning(*WORK)
        )
        with self._writer.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.attempts == 1:
            self._tally.claimed(now - row.created_at)
        return Work(**row._mapping)

    def owns(self, work_id: str, owner: str) -> bool:
        with self._reader.connect() as connection:
            return bool(connection.scalar(select(func.count()).where(*_owned(work_id, owner))))

    def renew(
        self,
        work_id: str,
        owner: str,
        *,
        stage: str | None = None,
        progress: float | None = None,
        partial: dict[str, Any] | None = None,
    ) -> bool:
        """Renew the lease, with what is new; False if the work is not ours."""
        news = {"stage": stage, "progress": progress, "partial": partial}
        values = {name: value for name, value in news.items() if value is not None}
        until = time.time() + LEASE_S
        return self._change(
            update(works).where(*_owned(work_id, owner)).values(lease_until=until, **values)
        )

    def finish(
        self, work_id: str, owner: str, result: dict[str, Any], shown: Sequence[Picture] = ()
    ) -> bool:
        """End a work with its result and the pictures that go with it."""
        rows = [{"work_id": work_id, **asdict(picture)} for picture in shown]
        with self._writer.begin() as connection:
            made_at = connection.scalar(_done(work_id, owner, result))
            if made_at and rows:
                connection.execute(insert(pictures), rows)
        if made_at:
            self._tally.analyzed(result)
        return self._counted("done", made_at)

    def same_media(self, work_id: str, owner: str, content: str, since: float) -> str | None:
        """Note what the work's media is; the newest work done `since` then that saw the same."""
        with self._writer.begin() as connection:
            note = update(works).where(*_owned(work_id, owner)).values(content=content)
            connection.execute(note)
            twin = connection.scalar(answer_to(content, since))
        return str(twin) if twin else None

    def finish_as(self, work_id: str, owner: str, twin: str) -> bool:
        """End a work with what another one has found; False also if that is there no more."""
        columns = [column for column in pictures.c if column is not pictures.c.work_id]
        shown = select(literal(work_id), *columns).where(pictures.c.work_id == twin)
        names = ["work_id", *(column.name for column in columns)]
        with self._writer.begin() as connection:
            found = joining(select(works.c.result).where(works.c.id == twin))
            result = unfetched(connection.scalar(found))
            made_at = connection.scalar(_done(work_id, owner, result)) if result else None
            if made_at:
                connection.execute(insert(pictures).from_select(names, shown))
        return self._counted("done", made_at)

    def fail(self, work_id: str, owner: str, error: dict[str, Any]) -> bool:
        with self._writer.begin() as connection:
            made_at = connection.scalar(_ended(work_id, owner, state="failed", error=error))
        return self._counted(counters.failed(error), made_at)

    def release(self, work_id: str, owner: str, *, counted: bool) -> bool:
        """Put a work back; `counted`: whether this attempt is one of the MAX_ATTEMPTS."""
        attempts = works.c.attempts - (0 if counted else 1)
        return self._change(
            update(works)
            .where(*_owned(work_id, owner))
            .values(**waiting(time.time()), attempts=attempts)
        )

    def expire(self) -> list[tuple[str, bool]]:
        """Take works from workers that went silent: (id, urgent) of those that wait again."""
        now = time.time()
        lost = and_(works.c.state == "running", works.c.lease_until < now)
        error = WorkerLost(f"its worker was lost {MAX_ATTEMPTS} times").to_json()
        give_up = (
            update(works)
            .where(lost, works.c.attempts >= MAX_ATTEMPTS)
            .values(state="failed", error=error, **_ending(now))
        )
        again = update(works).where(lost).values(**waiting(now))
        with self._writer.begin() as connection:
            if given_up := connection.execute(give_up).rowcount:
                counters.add(connection, {(counters.JOBS, counters.failed(error)): given_up})
            rows = connection.execute(again.returning(works.c.id, works.c.urgent))
            return [(row.id, row.urgent) for row in rows]

    def overdue(self, after_s: float, count: int) -> list[tuple[str, bool]]:
        """The first `count` works still waiting `after_s` after they were sent; now sent again."""
        now = time.time()
        late = and_(works.c.state == "queued", works.c.sent_at < now - after_s)
        first = select(works.c.id).where(late).limit(count)
        first = first.order_by(case((works.c.urgent, 0), else_=1), works.c.created_at)
        query = update(works).where(works.c.id.in_(first), late).values(sent_at=now)
        with self._writer.begin() as connection:
            rows = connection.execute(query.returning(works.c.id, works.c.urgent))
            return [(row.id, row.urgent) for row in rows]

    def sources_in_use(self) -> set[str]:
        """The uploads that a work in flight still needs."""
        query = select(works.c.source).where(works.c.kind == "file", IN_FLIGHT)
        with self._reader.connect() as connection:
            return set(connection.scalars(query))

    def owners(self) -> set[str]:
        """The attempts that are running now."""
        with self._reader.connect() as connection:
            return set(connection.scalars(select(works.c.owner).where(works.c.state == "running")))

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
        """Count a work that has ended; False if it was not ours to end."""
        if made_at:
            self._tally.ended(outcome, time.time() - made_at)
        return bool(made_at)

    def _change(self, query: Update) -> bool:
        with self._writer.begin() as connection:
            return bool(connection.execute(query).rowcount)


def _done(work_id: str, owner: str, result: dict[str, Any] | None) -> ReturningUpdate[float]:
    return _ended(work_id, owner, state="done", stage="done", progress=1.0, result=result)


def _ended(work_id: str, owner: str, **values: Any) -> ReturningUpdate[float]:
    """Ends a work; returns when it was made, or nothing if it is not ours."""
    return (
        update(works)
        .where(*_owned(work_id, owner))
        .values(**values, **_ending(time.time()))
        .returning(works.c.created_at)
    )


def _ending(now: float) -> dict[str, Any]:
    return {"partial": None, "owner": None, "finished_at": now, **FORGOTTEN}


def _owned(work_id: str, owner: str) -> tuple[ColumnElement[bool], ...]:
    return works.c.id == work_id, works.c.owner == owner, works.c.state == "running"
