"""/openapi.json in short: what clients were promised."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from server.app import create_app
from server.config import Settings

PROMISE = Path(__file__).parent / "openapi.json"


def spec() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        client = create_app(Settings(data_dir=Path(folder))).test_client()
        found: dict[str, Any] = client.get("/openapi.json").get_json()
    return found


def shortened(spec: dict[str, Any]) -> dict[str, Any]:
    """Each operation's parameters, bodies and answers, and each schema's fields.

    Under `needs` stands what a caller must send.
    """
    operations = {
        f"{method.upper()} {path}": _operation(operation, spec["components"]["schemas"])
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict)
    }
    schemas = {name: _fields(schema) for name, schema in spec["components"]["schemas"].items()}
    return {"operations": operations, "schemas": schemas}


def _operation(operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = operation.get("parameters", [])
    bodies = operation.get("requestBody", {}).get("content", {})
    return {
        "takes": sorted(f"{p['in']} {p['name']}" for p in parameters),
        "needs": sorted(f"{p['in']} {p['name']}" for p in parameters if p.get("required")),
        "bodies": {kind: _fields(_meant(content["schema"], schemas))
                   for kind, content in bodies.items()},
        "answers": {
            status: sorted(answer.get("content", {}))
            for status, answer in operation["responses"].items()
        },
    }  # fmt: skip


def _meant(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    return found


def _fields(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "takes": sorted(schema.get("properties", {})),
        "needs": sorted(schema.get("required", [])),
    }
