"""Frames: pictures of what plays in a browser, where the service cannot fetch the video itself."""

from __future__ import annotations

import hashlib
import json
import math
import os

from apiflask import APIBlueprint
from flask import Response, request
from werkzeug.datastructures import FileStorage

from server.api import schemas
from server.api.answers import RESPONSES, answer
from server.api.checks import takes
from server.api.motion_jpeg import join
from server.api.options import validated
from server.api.service import current
from server.api.uploads import ENVELOPE_BYTES, Contents, digest, incoming, new_path, receive
from server.errors import BadValue, TooLarge

MAX_FRAMES = 240
MAX_FRAME_BYTES = 32_000_000  # one is held in memory at a time
PART_BYTES = 1024  # of a multipart body's own, beside each frame

blueprint = APIBlueprint("frames", __name__, tag="Checks")


@blueprint.post("/check-frames")
@takes("multipart/form-data")
@blueprint.input(schemas.WaitQuery, location="query")
@blueprint.doc(responses=RESPONSES)
def check_frames(query_data: schemas.WaitQuery) -> Response:
    """Check pictures of one video: JPEGs as the form's `frames`, in the order of `times_s`.

    `times_s` is a JSON list of their media times in seconds, rising. The verdict's times count
    from the first of them.
    """
    uploads = _uploads()
    times_s = _times(len(uploads))
    form = {name: value for name, value in request.form.items() if name != "times_s"}
    options = validated(schemas.Form, form)
    ask = options.ask()
    path = new_path()
    with current().joining:
        join(path, Contents(uploads), times_s)
    identity = _identity(uploads, times_s)
    incoming().let_go()
    job_id = current().checks.frames(path, identity, ask)
    return answer(job_id, query_data.wait, options.wait)


def _uploads() -> list[FileStorage]:
    receive(ENVELOPE_BYTES + MAX_FRAMES * PART_BYTES, "Send fewer frames.", MAX_FRAMES)
    uploads = request.files.getlist("frames")
    if not uploads:
        raise BadValue(f"Send 1 to {MAX_FRAMES} frames, each as a part called frames.")
    if any(upload.stream.seek(0, os.SEEK_END) > MAX_FRAME_BYTES for upload in uploads):
        raise TooLarge(f"A frame has at most {MAX_FRAME_BYTES / 1e6:g} MB. Scale them down.")
    return uploads


def _identity(uploads: list[FileStorage], times_s: list[float]) -> str:
    """What tells these frames from others: a digest of them and their times."""
    known_by = hashlib.sha256(repr(times_s).encode())
    for upload in uploads:
        known_by.update(digest(upload).encode())
    return known_by.hexdigest()


def _times(count: int) -> list[float]:
    try:
        times = json.loads(request.form.get("times_s", ""))
    except ValueError as error:
        raise BadValue("times_s must be a JSON list of seconds, such as [0.0, 0.5].") from error
    numbers = isinstance(times, list) and all(
        type(time) in (int, float) and math.isfinite(time) and 0 <= time <= 1e7 for time in times
    )
    if not numbers or len(times) != count:
        raise BadValue(f"times_s must hold one time in seconds for each of the {count} frames.")
    return [float(time) for time in times]
