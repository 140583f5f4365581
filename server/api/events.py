"""The progress of a check as server-sent events, so that a client need not poll.

A stream keeps one of the web process's threads, so there are fewer streams than threads, and a
client that is gone is noticed at once: it closed its end, or takes nothing that we send.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

from apiflask import APIBlueprint
from flask import Response, json, request, stream_with_context

from server.api.jobs import describe, find
from server.api.service import Service, current
from server.errors import TooManyStreams
from server.jobs.records import Job

POLL_S = 0.1  # a look takes less than a millisecond, and people wait for what it finds
HEARTBEAT_S = 10.0
LONGEST_S = 300.0  # then the stream ends and the client comes again, as the standard has it
RETRY_MS = 2000
UNTAKEN_MS = 10_000  # what is sent must be taken by the client's machine within this time

DESCRIPTION = (
    "`event: job` with the Job as JSON at once and on every change, `: heartbeat` in between; the "
    "stream ends when the job has. A client that comes again with the header Last-Event-ID is not "
    "told twice."
)
RESPONSES: dict[int, Any] = {
    200: {
        "description": DESCRIPTION,
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: "The job has ended, and the event that Last-Event-ID names told it: do not come again",
}

blueprint = APIBlueprint("events", __name__, tag="Jobs")


@blueprint.get("/jobs/<job_id>/events")
@blueprint.doc(responses=RESPONSES)
def follow(job_id: str) -> Response:
    """How a check goes on, as server-sent events."""
    service, job = current(), find(job_id)
    known = request.headers.get("Last-Event-ID", "")
    if not job.in_flight and known == _event(job)[0]:
        return Response(status=204)
    headers = {"X-Accel-Buffering": "no"}  # for nginx, which would hold the events back
    if request.method == "HEAD":
        return Response(headers=headers, mimetype="text/event-stream")
    if not service.may_wait.acquire(blocking=False):
        raise TooManyStreams(f"Ask for /jobs/{job_id} every few seconds instead.")
    line: socket.socket | None = request.environ.get("gunicorn.socket")
    told = stream_with_context(_told(service, job_id, known, line))
    response = Response(told, headers=headers, mimetype="text/event-stream")
    held = ExitStack()  # closed twice, it gives back once
    held.callback(service.may_wait.release)
    response.call_on_close(held.close)
    return response


def _told(service: Service, job_id: str, known: str, line: socket.socket | None) -> Iterator[str]:
    """The text of the stream; it ends with the job, this process, the client or LONGEST_S."""
    if line is not None and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_MS)
    yield f"retry: {RETRY_MS}\n\n"
    started = spoken = time.monotonic()
    seen: object = None
    while time.monotonic() < started + LONGEST_S and not _left(line):
        if (token := service.store.change_token(job_id)) != seen:
            seen, job = token, service.store.get(job_id)
            if job is None:  # it was removed
                return
            identity, event = _event(job)
            if identity != known:
                known, spoken = identity, time.monotonic()
                yield event
            if not job.in_flight:
                return
        if time.monotonic() > spoken + HEARTBEAT_S:
            spoken = time.monotonic()
            yield ": heartbeat\n\n"
        if service.stopping.wait(POLL_S):
            return


def _event(job: Job) -> tuple[str, str]:
    """The event's id, which is short for its content, and the event."""
    data = json.dumps(describe(job))
    identity = hashlib.sha256(data.encode()).hexdigest()[:16]
    return identity, f"id: {identity}\nevent: job\ndata: {data}\n\n"


def _left(line: socket.socket | None) -> bool:
    """Whether the client has closed its end, told without reading or waiting."""
    if line is None:
        return False
    with suppress(BlockingIOError):
        try:
            return line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except ConnectionError:
            return True
    return False
