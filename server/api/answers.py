"""What a check is answered with: its verdict within the time that the caller waits, or the job."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, after_this_request, json, request
from werkzeug.http import parse_list_header

from server.api.jobs import RETRY_AFTER_S, describe, links, path_of
from server.api.options import MAX_WAIT_S
from server.api.problems import respond_json
from server.api.service import current
from server.errors import Cancelled, NotFound
from server.jobs.records import Job

WAIT_S = 20.0  # how long a request waits for its verdict, unless the request states another time
POLLS_S = (0.05, 0.1, 0.2, 0.4)  # pauses between looks at a job; the last one repeats

RESPONSES: dict[int, Any] = {
    200: {
        "description": "The verdict; the header Age tells how old a known one is, in seconds",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/CheckAnswer"}}},
    },
    202: {
        "description": "Not finished yet: ask again at Location after Retry-After seconds",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}},
    },
}


def answer(job_id: str, *waits: float | None) -> Response:
    """200 with the verdict, the problem that the check met, or 202 with the job.

    The first of `waits` that was given counts, then what the header Prefer asks for, then ours.
    """
    asked_at = time.time()
    wait_s = next((wait for wait in waits if wait is not None), None)
    if wait_s is None:
        wait_s = _preferred()
    job = _await(job_id, wait_s)
    response = _respond(job, wait_s)
    if job.checked_at is not None and job.checked_at < asked_at:
        response.headers["Age"] = str(int(asked_at - job.checked_at))
    return response


def _respond(job: Job, wait_s: float) -> Response:
    if job.state == "done" and wait_s > 0:
        path, result = path_of(job.id), job.result or {}
        first = {"id": job.id, "label": result.get("label"), "links": links(path)}
        response = Response(json.dumps(first | result) + "\n", mimetype="application/json")
        response.headers["Content-Location"] = path
        return response
    if job.state == "failed" and wait_s > 0:
        return respond_json(job.error or {})
    if job.state == "cancelled" and wait_s > 0:
        raise Cancelled("Someone cancelled this check while you waited. Start it again.")
    response = Response(json.dumps(describe(job)) + "\n", status=202, mimetype="application/json")
    response.headers["Location"] = path_of(job.id)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _preferred() -> float:
    """The wait that the header Prefer (RFC 7240) asks for, or ours. What it cannot mean is ignored.

    Waiting less than was asked for is allowed, so a long wait is cut to what we offer.
    """
    wait_s = None
    for preference in parse_list_header(", ".join(request.headers.getlist("Prefer"))):
        name, _, value = preference.partition(";")[0].partition("=")
        name, value = name.strip().lower(), value.strip().strip('"')
        if name == "wait" and value.isascii() and value.isdigit() and len(value) < 10:
            wait_s, applied = min(float(value), MAX_WAIT_S), "wait={:g}"
            break
        if name == "respond-async" and not value:
            wait_s, applied = 0.0, "respond-async"
    if wait_s is None:
        return WAIT_S

    @after_this_request
    def tell(response: Response) -> Response:
        response.headers["Preference-Applied"] = applied.format(wait_s)
        return response

    return wait_s


def _await(job_id: str, wait_s: float) -> Job:
    """The job, once it has ended or the time is over. Too many waiters do not wait at all, and
    none does once this process is stopping."""
    service = current()
    if wait_s > 0 and service.may_wait.acquire(blocking=False):
        try:
            deadline, looks = time.monotonic() + wait_s, 0
            while service.store.state(job_id) in ("queued", "running"):
                pause = min(POLLS_S[min(looks, len(POLLS_S) - 1)], deadline - time.monotonic())
                if pause <= 0 or service.stopping.wait(pause):
                    break
                looks += 1
        finally:
            service.may_wait.release()
    job = service.store.get(job_id)
    if job is None:
        raise NotFound("The check was removed while you waited. Start it again.")
    return job
