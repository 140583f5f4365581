"""What /openapi.json says beyond what the views declare."""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from pydantic import BaseModel

from server.api import schemas
from server.api.problems import MEDIA_TYPE
from server.api.verdict_schema import Verdict
from server.errors import AppError

# Read as a stream, so the view declares no schema for it.
FILE_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary", "minLength": 1}},
            }
        }
    },
}
FRAMES_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["frames", "times_s"],
                "properties": {
                    "frames": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    "times_s": {"type": "string", "description": "a JSON list, such as [0.0, 0.5]"},
                },
            }
        }
    },
}
REF = "#/components/schemas/{model}"


def install(app: APIFlask) -> None:
    app.config["OPENAPI_VERSION"] = "3.1.0"
    app.security_schemes = {"token": {"type": "http", "scheme": "bearer"}}
    app.spec_processor(complete)


def complete(spec: Any) -> Any:
    """Add the schemas of verdicts and problems, and to every operation the problems it may meet."""
    components = spec.setdefault("components", {}).setdefault("schemas", {})
    for model in (Verdict, schemas.Problem, schemas.Job):
        components.update(_schemas(model))
    spec["paths"]["/check-file"]["post"]["requestBody"] = FILE_BODY
    spec["paths"]["/check-frames"]["post"]["requestBody"] = FRAMES_BODY
    for path in spec["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                if "requestBody" in operation:
                    operation["requestBody"]["required"] = True
                _describe_problems(operation["responses"])
    return spec


def codes() -> list[str]:
    """Every code that a problem may have, sorted."""
    return sorted({AppError.code, *(kind.code for kind in AppError.__subclasses__())})


def _describe_problems(responses: dict[str, Any]) -> None:
    """Every failure is a Problem, also those for which APIFlask writes down a form of its own."""
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}}
    for status in responses:
        if status.startswith("4"):
            responses[status]["content"] = content
    responses["default"] = {"description": "A problem: " + ", ".join(codes()), "content": content}


def _schemas(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=REF)
    return {**schema.pop("$defs", {}), model.__name__: schema}
