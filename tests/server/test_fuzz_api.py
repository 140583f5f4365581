"""Schemathesis against the real web process: every check it knows, and no 500, no hang.

Short here; `make fuzz` sets FUZZ_CALLS to thousands.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.media import picture
from tests.server.service import ROOT, Site, running, tree, until

CALLS = int(os.environ.get("FUZZ_CALLS", "100"))
SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
# Two of its checks do not fit: a check that is deleted in flight is cancelled, and can be asked for
# until it is deleted once more; and which addresses are such is more than a schema can say.
NOT_OURS = "use_after_free,positive_data_acceptance"
# One goes on as long as its check; without a worker the other truly answers 503. See test_events.py
# and test_metrics.py.
NOT_HERE = ("/jobs/{job_id}/events", "/readyz")


def program() -> str:
    beside = Path(sys.executable).with_name("schemathesis")
    found = str(beside) if beside.exists() else shutil.which("schemathesis")
    if found is None:
        pytest.skip("schemathesis is not installed: make .venv-dev/.ready")
    return found


@pytest.mark.attack
@pytest.mark.timeout(400 + CALLS)
def test_no_call_breaks_the_service(tmp_path: Path) -> None:
    command = [program(), "run", "--checks", "all", "--exclude-checks", NOT_OURS, "--no-color"]
    command += [word for path in NOT_HERE for word in ("--exclude-path", path)]
    command += ["--seed", str(SEED), "--max-examples", str(CALLS // 3), "--request-timeout", "10"]
    site = Site(tmp_path / "service", queue_limit=1_000_000)
    with running(site, "serve"):
        processes = {process.pid for process in tree(site.started[0].pid)}
        begun = time.monotonic()
        done = subprocess.run(
            [*command, site.url("/openapi.json")],
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.server.schemathesis_hooks",
                 "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        (calls,) = re.findall(r"([\d,]+) generated", done.stdout) or ["0"]
        print(f"{calls} calls in {time.monotonic() - begun:.0f} s")
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
        assert int(calls.replace(",", "")) >= CALLS
        assert {process.pid for process in tree(site.started[0].pid)} == processes, "it was lost"
        _the_next_check_runs(site, tmp_path)
    assert "Traceback" not in site.log.read_text()


def _the_next_check_runs(site: Site, folder: Path) -> None:
    """Once a worker comes. Thousands of checks never wait in a queue of the usual length."""
    from sqlalchemy import delete

    from server.jobs.tables import jobs

    with site.engine.begin() as connection:
        connection.execute(delete(jobs))
    for message in (site.settings.data_dir / "spool").iterdir():
        message.unlink()
    site.start("worker")
    until(lambda: site.get("/healthz").json()["workers"]["slots"])
    still = picture(folder / "still.png", np.full((64, 64, 3), 90, np.uint8))
    with still.open("rb") as file:
        answer = site.post("/check-file?wait=50", files={"file": file})
    assert answer.status_code == 200, answer.text
    assert answer.json()["label"] == "no-face"
