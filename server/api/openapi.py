"""Parts of /openapi.json that the views do not declare."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from pydantic import BaseModel

from server.api import schemas
from server.api.batch import NDJSON
from server.api.examples import describe
from server.api.options import KEY_HEADER, KEY_PATTERN
from server.api.problems import MEDIA_TYPE
from server.errors import kinds
from server.verdict_schema import Verdict

# Those that no view names in a way that APIFlask understands.
ADDED = (
    Verdict,
    schemas.CheckAnswer,
    schemas.Problem,
    schemas.ProblemType,
    schemas.ProblemTypes,
    schemas.Job,
    schemas.Batch,
    schemas.BatchLine,
    schemas.BatchAnswer,
)

REF = "#/components/schemas/{model}"
FILE = {"type": "string", "format": "binary"}
TIMES = {"type": "string", "description": "a JSON list of seconds, such as [0.0, 0.5]"}
# The views read these bodies themselves, so they declare no schema for them.
FORMS: dict[str, dict[str, Any]] = {
    "/check-file": {"file": {**FILE, "minLength": 1}},
    "/check-frames": {"frames": {"type": "array", "items": FILE}, "times_s": TIMES},
}
KEY = {
    "name": KEY_HEADER,
    "in": "header",
    "description": "the same key gives the same check, for as long as its result is kept",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "wait=SECONDS or respond-async (RFC 7240); `wait` in the query comes first",
    "schema": {"type": "string"},
}
HEADERS = {
    "/check-url": (KEY, PREFER),
    "/check-file": (KEY, PREFER),
    "/check-frames": (KEY, PREFER),
    "/check-batch": (KEY,),
}


def install(app: APIFlask) -> None:
    app.config["OPENAPI_VERSION"] = "3.1.0"
    app.security_schemes = {"token": {"type": "http", "scheme": "bearer"}}
    app.spec_processor(complete)


def complete(spec: Any) -> Any:
    """Add the schemas of verdicts and problems, and to every operation the problems it may meet."""
    spec["tags"] = [{"name": name} for name in dict.fromkeys(tag["name"] for tag in spec["tags"])]
    components = spec.setdefault("components", {}).setdefault("schemas", {})
    for model in ADDED:
        components.update(_schemas(model))
    _lead(components["CheckAnswer"], ("id", "label", "links"))
    describe(components)
    for path, headers in HEADERS.items():
        operation = spec["paths"][path]["post"]
        operation["parameters"] = [*operation.get("parameters", []), *headers]
    for path, fields in FORMS.items():
        spec["paths"][path]["post"]["requestBody"] = _form(fields)
    spec["paths"]["/check-batch"]["post"]["requestBody"] = _batch()
    for path in spec["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                if "requestBody" in operation:
                    operation["requestBody"]["required"] = True
                _describe_problems(operation["responses"])
    _drop_null_defaults(spec)
    return spec


def _lead(schema: dict[str, Any], first: tuple[str, ...]) -> None:
    """Put the fields in the order in which they are sent."""
    fields = schema["properties"]
    schema["properties"] = {name: fields[name] for name in first} | fields


def _drop_null_defaults(part: Any) -> None:
    """Remove defaults of None: they mean "left out" and are no value that a caller may send."""
    if isinstance(part, dict):
        if part.get("default", part) is None:
            del part["default"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            _drop_null_defaults(inner)


def _form(fields: dict[str, Any]) -> dict[str, Any]:
    options = schemas.Form.model_json_schema(ref_template=REF)
    options["properties"] = {**fields, **options["properties"]}
    return {"content": {"multipart/form-data": {"schema": {**options, "required": list(fields)}}}}


def _batch() -> dict[str, Any]:
    lines = {"type": "string", "description": "on each line an address, or a BatchLine as JSON"}
    schema = {"$ref": REF.format(model="Batch")}
    return {"content": {"application/json": {"schema": schema}, NDJSON: {"schema": lines}}}


def _describe_problems(responses: dict[str, Any]) -> None:
    """Every failure is a Problem, also those for which APIFlask writes down a form of its own."""
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}}
    for status in responses:
        if status.startswith("4"):
            responses[status]["content"] = content
    responses["default"] = {"description": "A problem: " + ", ".join(kinds()), "content": content}


def _schemas(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=REF)
    return {**schema.pop("$defs", {}), model.__name__: schema}
