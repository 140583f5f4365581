"""One log line for each request that changes something or fails: who, what, how it went.

Reading what is there is not logged: a page asks every second. Nor is what stands behind the path.
"""

from __future__ import annotations

import logging
import time
from urllib.parse import quote

from flask import Flask, Response, g, request

from server.api.access_control import SAFE_METHODS

MAX_PATH = 100

log = logging.getLogger(__name__)


def install(app: Flask) -> None:
    """Before everything else, so that what the others refuse is logged."""
    app.before_request(begin)
    app.after_request(note)


def begin() -> None:
    g.begun = time.monotonic()


def note(response: Response) -> Response:
    if request.method in SAFE_METHODS and response.status_code < 400:
        return response
    log.info(
        "client=%s method=%s path=%s status=%d seconds=%.3f",
        request.remote_addr or "-",
        quote(request.method[:MAX_PATH]),
        # Of an address that we do not have, nothing is known: it may be a video's.
        quote(request.path)[:MAX_PATH] if request.url_rule else "-",
        response.status_code,
        time.monotonic() - g.begun,
    )
    return response
