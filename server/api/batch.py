"""Many addresses at once: one job for each, after the checks that somebody waits for."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, stream_with_context
from werkzeug.exceptions import RequestEntityTooLarge

from server.api import schemas
from server.api.checks import takes
from server.api.jobs import links, path_of
from server.api.limits import charge
from server.api.options import Options, idempotency_key, validated
from server.api.problems import as_problem
from server.api.service import current
from server.errors import AppError, BadRequest, BadValue, RequestTooLarge

NDJSON = "application/x-ndjson"
MAX_BYTES = 1_000_000
BYTE_ORDER_MARK = "\ufeff"  # some editors begin each file with it, and files are joined

Line = tuple[int, str]  # its number, and what stands there

RESPONSES: dict[int, Any] = {
    202: {
        "description": "What became of each address, in the order in which they came",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/BatchAnswer"}},
            NDJSON: {"schema": {"type": "string", "description": "a BatchEntry on each line"}},
        },
    }
}

log = logging.getLogger(__name__)
blueprint = APIBlueprint("batch", __name__, tag="Checks")


@blueprint.post("/check-batch")
@takes("application/json", NDJSON)
@blueprint.input(Options, location="query")
@blueprint.doc(responses=RESPONSES)
def check_batch(query_data: Options) -> Response:
    """Check the videos at up to 1000 addresses; answers at once with a job for each.

    As JSON, or as NDJSON: on each line an address, or an object with `url` and options of its own.
    What is wrong with one address is said in its entry, and stops no other.
    """
    idempotency_key()  # if it cannot be one, that is no fault of a line
    lines, common = read()
    charge(len(lines))
    entries = _entries(lines, {"urgent": False, **query_data.said(), **common})
    if request.mimetype == NDJSON:
        stream = stream_with_context(json.dumps(entry) + "\n" for entry in entries)
        return Response(stream, status=202, mimetype=NDJSON)
    body = json.dumps({"checks": list(entries)})
    return Response(body, status=202, mimetype="application/json")


def read() -> tuple[list[Line], dict[str, Any]]:
    """What the request's body asks for: its lines, and the options of them all.

    Raises RequestTooLarge, BadRequest or BadValue.
    """
    request.max_content_length = MAX_BYTES
    try:
        body = request.get_data()
    except RequestEntityTooLarge as error:
        raise RequestTooLarge(f"Send at most {MAX_BYTES / 1e6:g} MB at once.") from error
    if request.mimetype != NDJSON:
        batch = validated(schemas.Batch, request.get_json())
        return list(enumerate(batch.urls, 1)), batch.said()
    try:
        rows = body.decode().replace(BYTE_ORDER_MARK, "").split("\n")
    except UnicodeDecodeError as error:
        raise BadRequest("NDJSON is text in UTF-8.") from error
    lines = [(number, row.strip()) for number, row in enumerate(rows, 1) if row.strip()]
    if not 1 <= len(lines) <= schemas.MAX_BATCH:
        raise BadValue(f"Send 1 to {schemas.MAX_BATCH} addresses, each on a line.")
    return lines, {}


def _entries(lines: Iterable[Line], common: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One schemas.BatchEntry per address, whatever happens to it."""
    known: dict[str, str] = {}  # the same line twice is one job, also with `fresh`
    for number, line in lines:
        entry: dict[str, Any] = {
            "line": number,
            "url": None,
            "id": None,
            "links": None,
            "error": None,
        }
        try:
            url, said = _parsed(line)
            entry["url"] = url
            if line not in known:
                known[line] = _submitted(url, {**common, **said}, number)
            entry |= {"id": known[line], "links": links(path_of(known[line]))}
        except AppError as error:
            entry["error"] = _problem(error)
        except Exception:
            log.exception("a line of a batch failed in a way that we did not foresee")
            entry["error"] = _problem(AppError("It has been logged. Send this line again."))
        yield entry


def _parsed(line: str) -> tuple[str, dict[str, Any]]:
    """The address of a line, and the options that stand beside it."""
    if not line.startswith(("{", '"')):
        return line, {}
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The line is neither an address nor well-formed JSON.") from error
    if isinstance(value, str):
        return value, {}
    asked = validated(schemas.BatchLine, value)
    return asked.url, asked.said()


def _submitted(url: str, said: dict[str, Any], number: int) -> str:
    return current().checks.url(url, validated(Options, said).ask(number))


def _problem(error: AppError) -> dict[str, Any]:
    again = {"retry_after_s": error.retry_after_s} if error.retry_after_s else {}
    return {**as_problem(error.to_json()), **again}
