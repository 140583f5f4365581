"""The report of a finished check: one page to keep, the verdict as JSON, or its samples as CSV."""

from __future__ import annotations

from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response, json

from server.api import schemas
from server.api.jobs import NOT_MODIFIED, find, tagged
from server.api.pages import HTML, page, protected, spoken
from server.api.report_view import Check, View, csv_of, name_of
from server.api.service import current
from server.errors import NotFound
from server.words import Words

CSV = {"text/csv": {"schema": {"type": "string"}}}
VERDICT = {"application/json": {"schema": {"$ref": "#/components/schemas/Verdict"}}}
RESPONSES: dict[int, Any] = {
    200: {"description": "The report", "content": {**HTML, **VERDICT, **CSV}},
    **NOT_MODIFIED,
}

blueprint = APIBlueprint("report", __name__, tag="Jobs")


@blueprint.get("/jobs/<job_id>/report")
@blueprint.input(schemas.ReportQuery, location="query")
@blueprint.doc(responses=RESPONSES)
def report(job_id: str, query_data: schemas.ReportQuery) -> Response:
    """What was found, as one HTML file with everything inside, as JSON (the Verdict), or as CSV."""
    job = find(job_id)
    if job.result is None:
        raise NotFound("There is a report once the check is done; its job shows the progress.")
    picture = partial(current().store.picture, job.id)
    check = Check(job.id, job.kind, job.source, job.checked_at, job.result, picture)
    kind = query_data.format
    if kind == "json":
        response = tagged(json.dumps(job.result), "application/json")
    elif kind == "csv":
        response = tagged(csv_of(job.result), "text/csv")
    else:
        words = spoken(query_data.language)
        response = protected(tagged(html_of(check, current().version, words), "text/html"))
        response.vary.add("Accept-Language")
    if query_data.download == "1":
        name = f"{name_of(check)}.{kind}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def html_of(check: Check, version: str, words: Words) -> str:
    """The report as one HTML file, which loads nothing; within an application's context."""
    return page("report.html", words.language, report=View.of(check, version, words))
