"""Jobs: how far a check has come, its result, and calling it off."""

from __future__ import annotations

import re
from typing import Any

from apiflask import APIBlueprint
from flask import Response, json, request, url_for

from server.api import schemas
from server.api.problems import as_problem
from server.api.service import current
from server.errors import NotFound
from server.jobs.records import Job

RETRY_AFTER_S = 2
MOST_FACES = 1_000_000  # a number that any database can hold
NOT_MODIFIED: dict[int, Any] = {304: "What If-None-Match names is still what it is"}
JPEG = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}

blueprint = APIBlueprint("jobs", __name__, tag="Jobs")


@blueprint.get("/jobs")
@blueprint.input(schemas.JobsQuery, location="query")
@blueprint.output(schemas.Jobs)
def listed(query_data: schemas.JobsQuery) -> dict[str, Any]:
    """The checks that were made here, newest first."""
    limit, state = query_data.limit, query_data.state
    found = current().store.recent(limit + 1, query_data.before, state)
    shown, older = found[:limit], found[limit:]
    before = shown[-1].created_at if older else None
    following = url_for("jobs.listed", limit=limit, before=before, state=state)
    return {
        "jobs": [summary(job) for job in shown],
        "next": following if older else None,
    }


@blueprint.get("/jobs/<job_id>")
@blueprint.output(schemas.Job)
@blueprint.doc(responses=NOT_MODIFIED)
def show(job_id: str) -> Response:
    """How a check is going: stage, progress, the verdict so far; then its result or error."""
    job = find(job_id)
    response = tagged(json.dumps(describe(job)) + "\n", "application/json")
    if job.in_flight:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


@blueprint.get("/jobs/<job_id>/faces/<int:face>.jpg")
@blueprint.input(schemas.FaceQuery, location="query")
@blueprint.doc(responses={200: {"description": "The picture", "content": JPEG}, **NOT_MODIFIED})
def picture(job_id: str, face: int, query_data: schemas.FaceQuery) -> Response:
    """A face at one of its strongest moments; `kind=evidence` shows where in it."""
    job = find(job_id)
    moment, kind = query_data.moment, query_data.kind
    jpeg = current().store.picture(job.id, face, moment, kind) if face < MOST_FACES else None
    if jpeg is None:
        raise NotFound("The verdict's `moments` say which pictures there are.")
    return tagged(jpeg, "image/jpeg")


@blueprint.delete("/jobs/<job_id>")
@blueprint.output(schemas.Job, description="The check was cancelled; its job can still be read")
@blueprint.doc(responses={204: "The check had ended; its job and result were removed"})
def call_off(job_id: str) -> dict[str, Any] | Response:
    """Cancel a check that is in flight; remove one that has ended, with its result."""
    job = find(job_id)
    if not current().checks.call_off(job.id):
        raise _unknown()
    current().feedback.forget(job.id)
    left = current().store.get(job_id)
    return describe(left) if left else Response(status=204)


def summary(job: Job) -> dict[str, Any]:
    """A job in short (schemas.JobSummary)."""
    result = job.result or {}
    return {
        "id": job.id,
        "kind": job.kind,
        "source": job.source if job.kind == "url" else None,
        "title": (job.source or None) if job.kind == "file" else None,
        "state": job.state,
        "stage": job.stage,
        "progress": job.progress,
        "label": result.get("label"),
        "p_fake": result.get("p_fake"),
        "error": as_problem(job.error) if job.error else None,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "links": links(path_of(job.id)),
    }


def describe(job: Job) -> dict[str, Any]:
    """The public form of a job (schemas.Job)."""
    return {
        **summary(job),
        "position": current().store.position(job) if job.state == "queued" else None,
        "attempts": job.attempts,
        "partial": job.partial,
        "result": job.result,
        "feedback": current().feedback.told(job.id) if job.result else None,
    }


def links(path: str) -> dict[str, str]:
    """What there is about the job at `path` (schemas.JobLinks)."""
    faces = path + "/faces/{face}.jpg{?moment,kind}"
    return {
        "self": path,
        "events": f"{path}/events",
        "report": f"{path}/report",
        "faces": faces,
        "feedback": f"{path}/feedback",
    }


def tagged(body: str | bytes, media_type: str) -> Response:
    """An answer with an ETag; only that it is unchanged, if the caller has it already."""
    response = Response(body, mimetype=media_type)
    response.add_etag()
    response.make_conditional(request)
    return response


def path_of(job_id: str) -> str:
    return url_for("jobs.show", job_id=job_id)


def find(job_id: str) -> Job:
    """The job with this id; raises NotFound."""
    job = current().store.get(job_id) if is_job_id(job_id) else None
    if job is None:
        raise _unknown()
    return job


def is_job_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


def _unknown() -> NotFound:
    return NotFound("There is no such check, or its result was removed. Start a new check.")
