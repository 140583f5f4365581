"""The child of a hurried drill's worker: like any other, but a check of NOWHERE only takes time.

`http://drill.invalid/7.jpg?s=0.6` keeps a media file, reports progress and ends after 0.6 s. Every
other address is really downloaded and checked.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from server.processes import check_main as child

NOWHERE = "drill.invalid"
STEPS = 5
MEDIA_BYTES = 100_000
EXAMPLE = Path(__file__).resolve().parents[2] / "tests" / "contract" / "verdict-1.json"

_check = child.check


def check(task: child.Task, reporter: child.Reporter, *rest: Any) -> dict[str, Any]:
    address = urlsplit(task.source)
    if address.hostname != NOWHERE:
        return _check(task, reporter, *rest)
    (Path(task.scratch) / "media.mp4").write_bytes(bytes(MEDIA_BYTES))
    for step in range(STEPS):
        reporter.fetched(step / STEPS)
        time.sleep(float(parse_qs(address.query)["s"][0]) / STEPS)
    return {"result": json.loads(EXAMPLE.read_text()), "pictures": []}


if __name__ == "__main__":
    child.check = check
    child.main()
