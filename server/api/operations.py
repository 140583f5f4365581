"""The OpenAPI document in the form in which the page /docs shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from server.api.examples import answer, curl

METHODS = ("get", "post", "delete")
REF = "#/components/schemas/"


def operations(spec: dict[str, Any], service: str) -> dict[str, list[dict[str, Any]]]:
    """The operations of the service at an address, by tag."""
    groups: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in spec["tags"]}
    for path, methods in spec["paths"].items():
        for method in METHODS:
            if operation := methods.get(method):
                shown = _operation(method.upper(), path, operation)
                shown["parameters"] += _parameters(methods.get("parameters", []))
                shown["curl"] = curl(shown["method"], path, service)
                shown["example"] = answer(operation, spec["components"]["schemas"])
                groups[operation["tags"][0]].append(shown)
    return groups


def shapes(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every named schema: what it is, and its fields."""
    found = spec["components"]["schemas"].items()
    return {
        name: {"description": schema.get("description", ""), "fields": list(_fields(schema))}
        for name, schema in sorted(found)
    }


def _operation(method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    bodies = operation.get("requestBody", {}).get("content", {})
    return {
        "method": method,
        "path": path,
        "summary": operation.get("description") or operation.get("summary", ""),
        "parameters": _parameters(operation.get("parameters", [])),
        "bodies": [
            {"type": kind, "shape": kind_of(content.get("schema", {})),
             "fields": list(_fields(content.get("schema", {})))}
            for kind, content in bodies.items()
        ],
        "responses": [
            {"status": status, "description": response.get("description", ""),
             "content": [(kind, kind_of(content.get("schema", {})))
                         for kind, content in response.get("content", {}).items()]}
            for status, response in sorted(operation["responses"].items())
        ],
    }  # fmt: skip


def _parameters(parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": parameter["name"],
            "where": parameter["in"],
            "kind": kind_of(parameter.get("schema", {})),
            "required": parameter.get("required", False),
            "description": parameter.get("description")
            or parameter.get("schema", {}).get("description", ""),
        }
        for parameter in parameters
    ]


def _fields(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, field in schema.get("properties", {}).items():
        yield {
            "name": name,
            "kind": kind_of(field),
            "required": name in schema.get("required", ()),
            "description": field.get("description", ""),
        }


def kind_of(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema in few words; `ref` names the shape that it points to."""
    if reference := schema.get("$ref"):
        return {"text": "", "ref": reference.removeprefix(REF)}
    if options := schema.get("anyOf"):
        kinds = [kind_of(option) for option in options]
        text = " or ".join(kind["text"] for kind in kinds if kind["text"])
        return {"text": text, "ref": next((kind["ref"] for kind in kinds if kind["ref"]), "")}
    if "enum" in schema:
        return {"text": " | ".join(map(str, schema["enum"])), "ref": ""}
    if schema.get("type") == "array":
        inner = kind_of(schema.get("items", {}))
        return {"text": f"list of {inner['text']}".strip(), "ref": inner["ref"]}
    least, most = schema.get("minimum"), schema.get("maximum")
    span = f", {least:g} to {most:g}" if least is not None and most is not None else ""
    return {"text": f"{schema.get('type', schema.get('const', 'any'))}{span}", "ref": ""}
