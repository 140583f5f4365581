"""What drills came to: a sentence for people, one line for programs, a row in drill.csv."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.drill.faults import KINDS
from benchmarks.drill.run import MACHINES, Order, Report
from benchmarks.machine import setting

COUNTED = ("lost", "doubled", "orphans", "files")
COMMAND = "python -m benchmarks drill"
PACKAGES = ("celery", "sqlalchemy", "psycopg", "redis")


def sentence(report: Report) -> str:
    struck = ", ".join(f"{kind} {count}" for kind, count in sorted(report.struck.items()))
    answers = ", ".join(f"{status} {count}" for status, count in sorted(report.answers.items()))
    ends = ", ".join(f"{end} {count}" for end, count in sorted(report.ends.items()))
    return (
        f"{report.backend}: {report.accepted} accepted, {ends}, in {report.seconds:.0f} s; "
        f"killed or broken: {struck}; HTTP answers: {answers}"
    )


def last_line(reports: list[Report]) -> str:
    sums = {name: sum(len(getattr(report, name)) for report in reports) for name in COUNTED}
    return " ".join(f"{name}={count}" for name, count in sums.items())


def write(path: Path, reports: list[Report], order: Order) -> None:
    """Replace the rows of the back-ends that were drilled; other rows stay."""
    asked = f"--jobs {order.jobs} --seed {order.seed} --workers {order.workers} --real {order.real}"
    rows = {}
    if path.is_file():
        with path.open(newline="") as file:
            rows = {row["backend"]: row for row in csv.DictReader(file)}
    for report in reports:
        rows[report.backend] = {
            "backend": report.backend,
            "jobs": report.accepted,
            "machines": MACHINES,
            "workers": MACHINES * order.workers,
            "done": report.ends["done"],
            "failed": report.ends.total() - report.ends["done"],
            **{name: len(getattr(report, name)) for name in COUNTED},
            "seconds": round(report.seconds),
            **{f"killed_{kind}": report.struck[kind] for kind in KINDS},
            "unanswered": report.answers["none"],
            "answered_503": report.answers["503"],
            **setting(f"{COMMAND} {asked} --backend {report.backend}", PACKAGES),
        }
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(next(iter(rows.values()))), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))
