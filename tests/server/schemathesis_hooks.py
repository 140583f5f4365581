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
    query, waits = case.query, case.method == "POST" and case.operation.path != "/check-batch"
    if not waits or not isinstance(query, dict):
        return
    with suppress(TypeError, ValueError):  # what is wrong stays so
        if not LONGEST_WAIT_S < float(query.get("wait", MAX_WAIT_S)) <= MAX_WAIT_S:
            return
        query["wait"] = LONGEST_WAIT_S  # and comes before one in the body
