"""The fault drill in short: real machines, real kills; every accepted check ends, and once."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import servers
from benchmarks.drill import faults
from benchmarks.drill.backends import Files
from server.jobs.folders import Folders
from tests.server.service import ROOT

JOBS = 16


def test_a_seed_is_a_plan_with_every_kind_of_fault() -> None:
    plan = faults.plan(200, seed=7)
    assert plan == faults.plan(200, seed=7)
    assert plan != faults.plan(200, seed=8)
    assert {fault.kind for fault in plan} == set(faults.KINDS)
    assert {fault.kind for fault in faults.plan(1, seed=7)} == set(faults.KINDS)


def test_whichever_machine_takes_an_upload_the_other_can_check_it(tmp_path: Path) -> None:
    shared, machines = Files(tmp_path), (tmp_path / "one", tmp_path / "other")
    for machine in machines:
        shared.join(machine)
    one, other = map(Folders.create, machines)
    one.upload("clip.mp4").write_bytes(b"a film")
    assert other.upload("clip.mp4").read_bytes() == b"a film"


@pytest.mark.slow
@pytest.mark.timeout(720)
@pytest.mark.parametrize("backend", ["files", "servers"])
def test_no_check_is_lost_whatever_is_killed(backend: str, tmp_path: Path) -> None:
    if backend == "servers":
        try:
            for name in servers.PACKAGES:
                servers.program(name)
        except servers.Missing as missing:
            pytest.skip(str(missing))
    results = tmp_path / "drill.csv"
    hurried = f"--jobs {JOBS} --seed 1 --workers 1 --real {JOBS} --limit 300"
    command = f"drill {hurried} --backend {backend} --results {results}".split()
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=700,
    )
    assert run.stdout.splitlines()[-1] == "lost=0 doubled=0 orphans=0 files=0", run.stderr
    assert run.returncode == 0, run.stdout
    with results.open(newline="") as file:
        [row] = csv.DictReader(file)
    assert int(row["jobs"]) == JOBS
    assert int(row["done"]) >= JOBS - 2  # with three attempts each, hardly any can fail
    assert all(int(row[f"killed_{kind}"]) == 1 for kind in faults.KINDS)
