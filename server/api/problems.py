"""Every failure as problem+json (RFC 9457), with a type that stays the same, and never a trace."""

from __future__ import annotations

import logging
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, json, request
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from server.errors import (
    AppError,
    BadRequest,
    BadValue,
    NotFound,
    RequestTooLarge,
    StoreAway,
    WrongMethod,
    WrongType,
)
from server.faults import faults, sentence

MEDIA_TYPE = "application/problem+json"
FORM = "application/x-www-form-urlencoded"
CURES = {
    404: "All addresses of this service: /docs",
    405: "The header Allow lists those that are taken.",
}
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
BY_STATUS: dict[int, type[AppError]] = {
    400: BadRequest,
    404: NotFound,
    405: WrongMethod,
    413: RequestTooLarge,
    415: WrongType,
    422: BadValue,
}

log = logging.getLogger(__name__)


def install(app: APIFlask) -> None:
    """Answer every error of the app through this module."""
    app.register_error_handler(AppError, respond)
    app.register_error_handler(HTTPError, _from_apiflask)
    app.register_error_handler(HTTPException, _from_werkzeug)
    app.register_error_handler(RecursionError, _from_recursion)
    for kind in (OperationalError, InterfaceError, NoConnection):
        app.register_error_handler(kind, _from_database)
    app.register_error_handler(Exception, _from_anything)


def as_problem(error: dict[str, Any]) -> dict[str, Any]:
    """An error's stored form (AppError.to_json) as the members of a problem."""
    return {"type": f"/problems/{error['code']}", **error}


def respond_json(error: dict[str, Any], **extra: Any) -> Response:
    body = json.dumps({**as_problem(error), **extra})
    return Response(body, status=error["status"], mimetype=MEDIA_TYPE)


def respond(error: AppError, **extra: Any) -> Response:
    response = respond_json(error.to_json(), **extra)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    if error.http_status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _from_apiflask(error: HTTPError) -> Response:
    """A body or query that does not fit its schema."""
    kind = BY_STATUS.get(error.status_code, BadRequest)
    if not isinstance(error.__cause__, ValidationError):
        return respond(kind(error.message or ""))
    if _is_json_as_form():
        return respond(kind("This looks like JSON: add -H 'Content-Type: application/json'"))
    found = faults(error.__cause__)
    return respond(kind(sentence(found) + _hint(found)), errors=found)


def _is_json_as_form() -> bool:
    """Whether JSON came as a form: curl -d sends it so without a header."""
    return request.mimetype == FORM and next(iter(request.form), "").lstrip().startswith(("{", "["))


def _hint(found: dict[str, list[str]]) -> str:
    """What curl -d makes of an address with a "&"."""
    if request.mimetype != FORM:
        return ""
    if "?" in request.form.get("url", "") and "is not known here" in sentence(found):
        return '. An address with a "&" must be sent encoded: curl --data-urlencode url=...'
    return ""


def _from_werkzeug(error: HTTPException) -> Response | HTTPException:
    if error.response is not None or isinstance(error, RequestRedirect) or error.code is None:
        return error
    kind = BY_STATUS.get(error.code, BadRequest if error.code < 500 else AppError)
    problem = kind(CURES.get(error.code, error.description or "")).to_json()
    response = respond_json({**problem, "status": error.code})
    for name, value in error.get_headers():
        if name in KEPT_HEADERS:
            response.headers[name] = value
    return response


def _from_recursion(_error: RecursionError) -> Response:
    return respond(BadRequest("The JSON is nested too deeply."))


def _from_database(error: Exception) -> Response:
    log.warning("the database does not answer: %s", getattr(error, "orig", error))
    return respond(StoreAway("It restarts, or is overloaded. Try again in a moment."))


def _from_anything(_error: Exception) -> Response:
    log.exception("a request failed in a way that we did not foresee")
    return respond(AppError("It has been logged. Try again; if it stays, tell us what you did."))
