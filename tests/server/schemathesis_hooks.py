"""Loaded by schemathesis in test_fuzz_api.py: nobody works on the checks, so none is waited for."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import schemathesis

MAX_WAIT_S = 55.0  # a longer one is refused, as it must stay
LONGEST_WAIT_S = 0.02
MAX_QUERY = 3000  # gunicorn answers longer request lines itself: 414, in HTML


@schemathesis.hook  # type: ignore[untyped-decorator]
def filter_query(_context: Any, query: Any) -> bool:
    return not isinstance(query, dict) or len(urlencode(query, doseq=True)) < MAX_QUERY


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    for part in (case.query, case.body):
        if isinstance(part, dict) and isinstance(part.get("wait"), int | float | str):
            with suppress(ValueError):  # what is wrong stays so
                if LONGEST_WAIT_S < float(part["wait"]) <= MAX_WAIT_S:
                    part["wait"] = LONGEST_WAIT_S
    if case.method == "POST" and isinstance(case.query, dict):
        case.query.setdefault("wait", LONGEST_WAIT_S)
