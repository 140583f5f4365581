"""A worker like any other, but for its children: they follow the job's address."""

from __future__ import annotations

import os
import sys

from server import logs
from server.config import Settings
from server.jobs.worker import work
from tests.server.jobs_child import COMMAND

if __name__ == "__main__":
    logs.configure()
    sys.exit(work(Settings.from_env(os.environ), COMMAND))
