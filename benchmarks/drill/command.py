"""The drill as a benchmark: a sentence for people, one line for programs, a row in drill.csv."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from benchmarks.compare import update
from benchmarks.drill.faults import KINDS
from benchmarks.drill.run import MACHINES, Options, Report, drill
from benchmarks.machine import setting
from benchmarks.options import BACKENDS, line

COUNTED = ("lost", "doubled", "orphans", "files")
PACKAGES = ("celery", "sqlalchemy", "psycopg", "redis")


def main(options: Options) -> bool:
    """Drill, print, and write `options.results`. True if nothing was lost. Raises Missing."""
    console, reports = Console(stderr=True, highlight=False), []
    for backend in [options.backend] if options.backend else BACKENDS:
        reports.append(drill(backend, options, console))
        print(sentence(reports[-1]), flush=True)
        if reports[-1].wrong:
            print(f"answers that no service should give: {reports[-1].wrong}")
    update([row(report, options) for report in reports], options.results)
    print(last_line(reports))
    return all(report.holds for report in reports)


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


def row(report: Report, options: Options) -> dict[str, object]:
    """Of the table."""
    asked = replace(options, backend=report.backend)
    return {
        "backend": report.backend,
        "jobs": report.accepted,
        "machines": MACHINES,
        "workers": MACHINES * options.workers,
        "done": report.ends["done"],
        "failed": report.ends.total() - report.ends["done"],
        **{name: len(getattr(report, name)) for name in COUNTED},
        "seconds": round(report.seconds),
        **{f"killed_{kind}": report.struck[kind] for kind in KINDS},
        "unanswered": report.answers["none"],
        "answered_503": report.answers["503"],
        **setting(line(asked), PACKAGES),
    }
