"""A worker like any other, but for its children: see benchmarks.drill.child."""

from __future__ import annotations

import os
import sys

from server import logs
from server.config import Settings
from server.jobs.worker import work

COMMAND = (sys.executable, "-m", "benchmarks.drill.child")

if __name__ == "__main__":
    logs.configure()
    sys.exit(work(Settings.from_env(os.environ), COMMAND))
