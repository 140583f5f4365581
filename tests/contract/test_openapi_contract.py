"""What clients were promised: nothing that /openapi.json offered may vanish or become required.

openapi.json here is the promise in short. What is new is no breach; write it down with
`python -m tests.contract.test_openapi_contract`, which also is how to break a promise on purpose.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from server.app import create_app
from server.config import Settings

PROMISE = Path(__file__).parent / "openapi.json"
CURE = "if that is wanted: python -m tests.contract.test_openapi_contract, and a line in CHANGELOG"


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


def breaches(promised: Any, now: Any, where: str, name: str = "") -> list[str]:
    """What `now` lacks of what was promised, or newly needs."""
    if isinstance(promised, dict):
        gone = [f"{where}: {key} is gone" for key in promised if key not in now]
        kept = [key for key in promised if key in now]
        inner = (breaches(promised[key], now[key], f"{where}/{key}", key) for key in kept)
        return gone + [breach for found in inner for breach in found]
    gone = [f"{where}: {item} is gone" for item in promised if item not in now]
    if name != "needs" or where.startswith("schemas/"):  # there it is what an answer always holds
        return gone
    return [f"{where}: {item} is needed now" for item in now if item not in promised]


def test_the_description_is_valid() -> None:
    OpenAPIV31SpecValidator(spec()).validate()


def test_what_was_promised_is_kept() -> None:
    promised, now = json.loads(PROMISE.read_text()), shortened(spec())
    found = [breach for part in promised for breach in breaches(promised[part], now[part], part)]
    assert not found, "\n".join([*found, CURE])


def test_a_breach_is_found() -> None:
    promised = json.loads(PROMISE.read_text())
    now = json.loads(PROMISE.read_text())
    now["operations"]["POST /check-url"]["needs"].append("query wait")
    now["operations"]["POST /check-url"]["takes"].append("query new")  # which is no breach
    now["operations"]["POST /check-batch"]["bodies"]["application/json"]["needs"].append("model")
    now["schemas"]["Verdict"]["takes"].remove("label")
    del now["operations"]["GET /jobs"]
    found = [breach for part in promised for breach in breaches(promised[part], now[part], part)]
    assert found == [
        "operations: GET /jobs is gone",
        "operations/POST /check-batch/bodies/application/json/needs: model is needed now",
        "operations/POST /check-url/needs: query wait is needed now",
        "schemas/Verdict/takes: label is gone",
    ]


if __name__ == "__main__":
    PROMISE.write_text(json.dumps(shortened(spec()), indent=1, sort_keys=True) + "\n")
