"""What passes between those who ask and those who work: a job is an asker's, a work is shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, Select, func, select

from server.jobs.tables import STATES_IN_FLIGHT, jobs, works
from server.terms import State

Kind = Literal["url", "file"]


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is asked. Two with the same `key` in flight share the work.

    `source`: for the worker, the address or the path of the upload. `name`: the upload's file name.
    """

    kind: Kind
    source: str
    key: str
    params: dict[str, Any]
    urgent: bool = True
    name: str = ""
    idempotency_key: str | None = None
    asked: str = ""  # a digest of the request that the idempotency key stands for


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that was taken on. `work_id`: of the work that it joined or, if `created`, began."""

    job_id: str
    work_id: str | None = None  # for a job that was there already
    created: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """What one asker may know of a check; times are Unix seconds.

    None comes before the asker's own question but `checked_at`, which is when the result was made.
    """

    id: str
    work_id: str | None
    kind: Kind
    source: str  # the asker's own: the address, or the name of the file
    state: State
    stage: str
    progress: float
    partial: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    attempts: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    checked_at: float | None

    @classmethod
    def of(cls, row: Row[Any]) -> Job:
        """A row of JOBS."""
        values = dict(row._mapping)
        ended_at = values.pop("cancelled_at") or row.checked_at
        return cls(
            **values
            | {
                "result": row.result if row.kind == "url" else unfetched(row.result),
                "started_at": row.started_at and max(row.started_at, row.created_at),
                "finished_at": ended_at and max(ended_at, row.created_at),
            }
        )

    @property
    def in_flight(self) -> bool:
        return self.state in STATES_IN_FLIGHT


# How a Job stands in the tables.
STATE = func.coalesce(works.c.state, "cancelled")
JOBS: Select[Any] = select(
    *(jobs.c[name] for name in ("id", "work_id", "kind", "source", "created_at", "cancelled_at")),
    STATE.label("state"),
    func.coalesce(works.c.stage, "cancelled").label("stage"),
    func.coalesce(works.c.progress, 0.0).label("progress"),
    *(works.c[name] for name in ("partial", "result", "error", "started_at")),
    func.coalesce(works.c.attempts, 0).label("attempts"),
    works.c.finished_at.label("checked_at"),
).select_from(jobs.outerjoin(works))


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is to do: `source` is the address, or the path of the upload."""

    id: str
    kind: Kind
    source: str
    params: dict[str, Any]
    urgent: bool
    stage: str
    attempts: int
    created_at: float


def unfetched(result: dict[str, Any] | None) -> dict[str, Any] | None:
    """A result without what only a download leaves in it: whether another asker of the same media
    had an address of it is nobody else's business."""
    times = (result or {}).get("timing_s")
    if not isinstance(times, dict):
        return result
    return {**(result or {}), "timing_s": {k: v for k, v in times.items() if k != "fetch"}}
