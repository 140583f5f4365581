"""A worker whose checks only wait: `python -m benchmarks.waiting_worker SECONDS`.

All but the child is real: claim, lease, scratch folder, end.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

from server import logs
from server.config import Settings
from server.jobs.records import Work
from server.jobs.runner import Outcome, Runner
from server.jobs.worker import work

RESULT = {"schema": 1, "label": "no-face"}


def wait(_runner: Runner, _work: Work, _owner: str, _scratch: Path) -> Outcome:
    time.sleep(float(sys.argv[1]))
    return Outcome(result=RESULT)


if __name__ == "__main__":
    logs.configure(level=logging.WARNING)  # a line a job is what a log costs, not a queue
    Runner._attempt = wait  # type: ignore[method-assign]
    sys.exit(work(Settings.from_env(os.environ)))
