"""All that is kept as a file and made from the code: `make contract` writes it, a test compares.

Read the difference before you commit it: of what was promised nothing may go without a new schema
or a line in the changelog (test_openapi_contract.py, test_verdict_contract.py).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

from convert import rules
from server import verdict_schema
from server.api.schemas import Form
from server.terms import NEXT_OF_REASON, Reason
from server.words import DEFAULT, words
from tests.conftest import ROOT
from tests.contract.openapi import PROMISE, shortened, spec
from tests.contract.verdict import HERE, of_schema

API = ROOT / "docs" / "api.md"


def made() -> dict[Path, str]:
    """What each of the files is to hold."""
    goldens: dict[Path, Any] = {}
    for schema in verdict_schema.SHAPES:
        goldens[HERE / f"verdict-{schema}.schema.json"] = verdict_schema.contract(schema)
        goldens[HERE / f"verdict-{schema}.json"] = of_schema(schema)
    return {
        **{path: json.dumps(golden, indent=2) + "\n" for path, golden in goldens.items()},
        PROMISE: json.dumps(shortened(spec()), indent=1, sort_keys=True) + "\n",
        API: described(API.read_text()),
        **rules.texts(),
    }


def described(page: str) -> str:
    """The page of the API with its tables made anew, each between two marks."""
    for name, lines in (("reasons", reasons()), ("options", options())):
        mark, end = f"<!-- {name}: make contract -->\n", f"<!-- end of {name} -->\n"
        table = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
        page, found = re.subn(
            f"{mark}.*?{end}", lambda _, t=mark + table + end: t, page, flags=re.DOTALL
        )
        assert found == 1, f"docs/api.md has no place for {name}"
    return page


def reasons() -> list[list[str]]:
    """Each reason and what to do about it, in the words that people read."""
    say = words(DEFAULT).say
    rows = [
        [f"`{reason}`", say(f"reason_{reason}"), say(f"next_{NEXT_OF_REASON[reason]}")]
        for reason in get_args(Reason)
    ]
    return [["reason", "meaning", "next"], ["---"] * 3, *rows]


def options() -> list[list[str]]:
    """Each option of a check, as /openapi.json has it."""
    fields = Form.model_json_schema()["properties"]
    rows = [[f"`{name}`", _values(of), of["description"]] for name, of in fields.items()]
    return [["option", "values", "meaning"], ["---", "---", "---"], *rows]


def _values(field: dict[str, Any]) -> str:
    if field.get("type") == "boolean":
        return "`true`, `false`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    low, high = (f"{field[end]:.7g}" for end in ("minimum", "maximum"))
    return f"{low} to {high}"
