"""What clients were promised: nothing that /openapi.json offered may vanish or become required.

openapi.json here is the promise in short. `make contract` writes down what is new, which also is
how to break a promise on purpose.
"""

from __future__ import annotations

import json
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.contract.openapi import PROMISE, shortened, spec

CURE = "if that is wanted: make contract, and a line in CHANGELOG"


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
