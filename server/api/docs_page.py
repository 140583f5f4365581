"""Pages that explain the API: its operations, and every error with what helps."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, current_app, json, request

from server.api import schemas
from server.api.docs_operations import operations, shapes
from server.api.pages import HTML, page, protected
from server.api.problems import as_problem
from server.errors import AppError, NotFound, kinds

REF = "#/components/schemas/"
ONE, ALL = (
    {**HTML, "application/json": {"schema": {"$ref": REF + name}}}
    for name in ("ProblemType", "ProblemTypes")
)
RESPONSES: dict[int, Any] = {200: {"description": "All problems", "content": ALL}}
RESPONSE: dict[int, Any] = {200: {"description": "The problem", "content": ONE}}

blueprint = APIBlueprint("docs", __name__, tag="Documentation")


@blueprint.get("/problems")
@blueprint.doc(responses=RESPONSES)
def problems() -> Response:
    """Every error that the service may answer, with what helps; JSON for those that accept it."""
    found = [described(kind) for kind in kinds().values()]
    return _either(schemas.ProblemTypes(problems=found).model_dump(), "problems.html")


@blueprint.get("/problems/<code>")
@blueprint.doc(responses=RESPONSE)
def problem(code: str) -> Response:
    """One error, which the `type` of a problem points to."""
    if code not in kinds():
        raise NotFound("There is no such problem. All of them: /problems")
    return _either(described(kinds()[code]).model_dump(), "problem.html", "problem")


@blueprint.get("/docs")
@blueprint.doc(hide=True)
def docs() -> Response:
    """The content of /openapi.json, for people."""
    spec: dict[str, Any] = current_app.spec  # type: ignore[attr-defined]
    groups = operations(spec, request.host_url.rstrip("/"))
    content = page("docs.html", info=spec["info"], groups=groups, shapes=shapes(spec))
    return protected(Response(content))


def described(kind: type[AppError]) -> schemas.ProblemType:
    return schemas.ProblemType(
        type=as_problem({"code": kind.code})["type"],
        code=kind.code,
        title=kind.title,
        status=kind.http_status,
        cure=kind.cure,
        retryable=kind.retryable,
    )


def _either(content: dict[str, Any], template: str, name: str = "") -> Response:
    """`content` as JSON for those that would rather have it, else in the template."""
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        response = Response(json.dumps(content), mimetype="application/json")
    else:
        values = {name: content} if name else content
        response = protected(Response(page(template, **values)))
    response.vary.add("Accept")
    return response
