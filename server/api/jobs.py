"""Jobs: how far a check has come, its result, and calling it off."""

from __future__ import annotations

import re
from typing import Any

from apiflask import APIBlueprint
from flask import Response, url_for

from server.api import schemas
from server.api.problems import as_problem
from server.api.service import current
from server.errors import NotFound
from server.jobs.store import Job

blueprint = APIBlueprint("jobs", __name__, tag="Jobs")


@blueprint.get("/jobs/<job_id>")
@blueprint.output(schemas.Job)
def show(job_id: str) -> dict[str, Any]:
    """How a check is going: stage, progress, the verdict so far; then its result or error."""
    return describe(_find(job_id))


@blueprint.delete("/jobs/<job_id>")
@blueprint.output(schemas.Job, description="The check was cancelled; its job can still be read")
@blueprint.doc(responses={204: "The check had ended; its job and result were removed"})
def call_off(job_id: str) -> dict[str, Any] | Response:
    """Cancel a check that is in flight; remove one that has ended, with its result."""
    job = _find(job_id)
    if not current().checks.call_off(job):
        raise _unknown()
    left = current().store.get(job_id)
    return describe(left) if left else Response(status=204)


def describe(job: Job) -> dict[str, Any]:
    """The public form of a job (schemas.Job)."""
    return {
        "id": job.id,
        "state": job.state,
        "stage": job.stage,
        "progress": job.progress,
        "position": current().store.position(job) if job.state == "queued" else None,
        "partial": job.partial,
        "result": job.result,
        "error": as_problem(job.error) if job.error else None,
        "attempts": job.attempts,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "links": {"self": path_of(job.id)},
    }


def path_of(job_id: str) -> str:
    return url_for("jobs.show", job_id=job_id)


def _find(job_id: str) -> Job:
    job = current().store.get(job_id) if re.fullmatch(r"[0-9a-f]{32}", job_id) else None
    if job is None:
        raise _unknown()
    return job


def _unknown() -> NotFound:
    return NotFound("There is no such check, or its result was removed. Start a new check.")
