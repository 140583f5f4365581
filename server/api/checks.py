"""Checks: an address or a file in, a verdict out, or the job to ask again for it."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import IO, Any, TypeVar

from apiflask import APIBlueprint
from flask import Request, Response, json, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from server.api import schemas
from server.api.jobs import describe, path_of
from server.api.problems import respond_json
from server.api.service import current
from server.errors import BadValue, Cancelled, EmptyFile, NotFound, TooLarge, WrongType
from server.jobs.store import Job

RETRY_AFTER_S = 2
POLLS_S = (0.05, 0.1, 0.2, 0.4)  # pauses between looks at a job; the last one repeats
ENVELOPE_BYTES = 64 * 1024  # what a multipart body may hold beside its file
MAX_TITLE = 200

View = TypeVar("View", bound=Callable[..., Any])
blueprint = APIBlueprint("checks", __name__, tag="Checks")

ANSWERS: dict[int, Any] = {
    200: {
        "description": "The verdict",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Verdict"}}},
    },
    202: {
        "description": "Not finished yet: ask again at Location after Retry-After seconds",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}},
    },
}


class UploadRequest(Request):
    """A request whose files go straight to the uploads folder, and vanish with the request."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._streams = ExitStack()

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        uploads = current().folders.uploads
        return self._streams.enter_context(tempfile.NamedTemporaryFile(dir=uploads))

    def close(self) -> None:
        """Close every file, also of a body that turned out to be bad half-way through."""
        super().close()
        self._streams.close()


def takes(*media_types: str) -> Callable[[View], View]:
    """Refuse bodies of other types, before anything tries to read them."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if request.mimetype not in media_types:
                raise WrongType(f"Send {' or '.join(media_types)}.")
            return view(*args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


@blueprint.post("/check-url")
@takes("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
@blueprint.input(schemas.WaitQuery, location="query")
@blueprint.input(schemas.CheckUrl, location="json_or_form", arg_name="body")
@blueprint.doc(responses=ANSWERS)
def check_url(query_data: schemas.WaitQuery, body: schemas.CheckUrl) -> Response:
    """Check the video at an address, of a file or of the page that shows it."""
    return answer(current().checks.url(body.url), first_of(query_data.wait, body.wait))


@blueprint.post("/check-file")
@takes("multipart/form-data")
@blueprint.input(schemas.WaitQuery, location="query")
@blueprint.doc(responses=ANSWERS)
def check_file(query_data: schemas.WaitQuery) -> Response:
    """Check a video or picture that is sent along as the form's `file`."""
    path, sha256, title = _receive()
    return answer(current().checks.file(path, sha256, title), first_of(query_data.wait))


def answer(job_id: str, wait_s: float) -> Response:
    """200 with the verdict, the problem that the check met, or 202 with the job."""
    job = _await(job_id, wait_s)
    if job.state == "done" and wait_s > 0:
        response = Response(json.dumps(job.result), mimetype="application/json")
        response.headers["Content-Location"] = path_of(job_id)
        return response
    if job.state == "failed" and wait_s > 0:
        return respond_json(job.error or {})
    if job.state == "cancelled" and wait_s > 0:
        raise Cancelled("Someone cancelled this check while you waited. Start it again.")
    body = json.dumps(describe(job))
    response = Response(body, status=202, mimetype="application/json")
    response.headers["Location"] = path_of(job_id)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _await(job_id: str, wait_s: float) -> Job:
    """The job, once it has ended or the time is over. Too many waiters do not wait at all."""
    service = current()
    if wait_s > 0 and service.may_wait.acquire(blocking=False):
        try:
            deadline, looks = time.monotonic() + wait_s, 0
            while service.store.state(job_id) in ("queued", "running"):
                pause = min(POLLS_S[min(looks, len(POLLS_S) - 1)], deadline - time.monotonic())
                if pause <= 0:
                    break
                time.sleep(pause)
                looks += 1
        finally:
            service.may_wait.release()
    job = service.store.get(job_id)
    if job is None:
        raise NotFound("The check was removed while you waited. Start it again.")
    return job


def _receive() -> tuple[Path, str, str]:
    """Store the request's file; its path, SHA-256 and name. Raises what is wrong with it."""
    limit = current().settings.max_upload_bytes
    request.max_content_length = limit + ENVELOPE_BYTES
    too_large = TooLarge(
        f"At most {limit / 1e6:g} MB can be checked. Cut out the part in question."
    )
    try:
        upload = request.files.get("file")
    except RequestEntityTooLarge as error:
        raise too_large from error
    if upload is None:
        raise BadValue("Send the file as the form's part called file: curl -F file=@clip.mp4")
    size = upload.stream.seek(0, os.SEEK_END)
    if size == 0:
        raise EmptyFile("The file holds nothing. Choose another one.")
    if size > limit:
        raise too_large
    return _keep(upload)


def _keep(upload: FileStorage) -> tuple[Path, str, str]:
    """Give the file, which is on disk already, a name that outlives the request."""
    upload.stream.flush()
    upload.stream.seek(0)
    sha256 = hashlib.file_digest(upload.stream, "sha256").hexdigest()  # type: ignore[arg-type]
    path = current().folders.uploads / secrets.token_hex(16)
    os.link(upload.stream.name, path)
    title = "".join(sign for sign in upload.filename or "" if sign.isprintable())
    return path, sha256, title[:MAX_TITLE]


def first_of(*waits: float | None) -> float:
    """The wait that was asked for, or ours."""
    return next((wait for wait in waits if wait is not None), schemas.WAIT_S)
