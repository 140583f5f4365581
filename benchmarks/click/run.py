"""The whole way in a real Chromium: click, popup, first boxes, verdict; beside the plain pipeline.

Every round starts a service of its own, so that its first check is one of a service that has just
started; the others find it warm. The video plays meanwhile, on the same cores.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import requests

from benchmarks.browser import CHROMIUM, PARTS, ready
from benchmarks.click import stages
from benchmarks.click.cases import SCENES, SERVICE, Case, Pages, cases
from benchmarks.click.plot import plot
from benchmarks.click.watch import RECORD, Seen, clicked
from benchmarks.clip import Scene
from benchmarks.compare import Comparison, Wanted, write
from benchmarks.machine import setting
from benchmarks.options import WORK, line, option, results
from benchmarks.pipeline import PEER, asked
from benchmarks.processes import Program, events
from tests.e2e.conftest import Site, served, serving
from tests.e2e.extension import Extension, installed

WARM_S = 8.0  # in which a service has its fork server ready after its first check
BOXES, VERDICT = "boxes", "verdict"
WANTED = Wanted(10)  # the first boxes, beside the plain pipeline's verdict on the same video
PACKAGES = ("playwright", "ai-edge-litert", "av", "yt-dlp")
FIRST = "-first"  # what the name of the case ends with that a new service answers


@dataclass(frozen=True, slots=True)
class Options:
    """`parts`: what checks in the browser need; `made_in`: where videos are kept."""

    rounds: int = option("how often each case is clicked on", 5)
    only: tuple[str, ...] = option("cases, such as 720p-60s", ())
    alone: bool = option("not beside the plain pipeline", False)
    results: Path = results("click")
    chromium: str | None = CHROMIUM
    parts: Path = PARTS
    made_in: Path = WORK
    scenes: dict[str, Scene] = field(default_factory=lambda: dict(SCENES))

    def cases(self) -> list[Case]:
        """Those that are clicked on; that of a new service comes first."""
        known = cases(self.scenes)
        first = replace(known[0], name=known[0].name + FIRST, ways=(SERVICE,))
        return [case for case in (first, *known) if not self.only or case.name in self.only]


Spent = dict[tuple[str, str, str], list[dict[str, float]]]  # by case, way and BOXES or VERDICT


def main(options: Options) -> None:
    """Measure, print, write `options.results` and the plot beside it. Raises Missing."""
    spent: Spent = {}
    plain_s: dict[str, list[float]] = {}
    with _browser(options) as (extension, site):
        pages = Pages(site, options.made_in)
        for _ in range(options.rounds):
            _clicks(options.cases(), extension, site, pages, spent)
            for name, scene in () if options.alone else options.scenes.items():
                plain_s.setdefault(name, []).append(_plain_s(scene.file(options.made_in)))
    rows = [_row(point, times) for point, times in spent.items()]
    about = setting(line(options), {name: version(name) for name in PACKAGES})
    comparisons = list(_compared(spent, plain_s))
    write([*rows, *(each.row() for each in comparisons)], about, options.results)
    plot(list(_bars(spent)), options.results.with_suffix(".png"))
    for (case, way, until), times in spent.items():
        print(f"click-{case} by the {way} to the {until}: {_median(map(_total, times)):.2f} s")
    for each in comparisons:
        print(f"click-{each.name} ratio={each.ratio:.4g} (wanted {each.wanted})", flush=True)


@contextmanager
def _browser(options: Options) -> Iterator[tuple[Extension, Site]]:
    """A Chromium with the extension and its networks, and a site."""
    from playwright.sync_api import sync_playwright

    chromium = ready(options.chromium, options.parts)

    with tempfile.TemporaryDirectory(prefix="mesoscope-click-") as name, sync_playwright() as play:
        folder = Path(name)
        (folder / "site").mkdir()
        allowed = ["http://127.0.0.1"]
        with (
            served(folder / "site") as site,
            installed(play, chromium, folder, allowed, options.parts) as extension,
        ):
            extension.worker.evaluate(RECORD)
            yield extension, site


def _clicks(
    wanted: Sequence[Case], extension: Extension, site: Site, pages: Pages, spent: Spent
) -> None:
    """One round: each case once, in each of its ways, with a new service."""
    with tempfile.TemporaryDirectory(prefix="mesoscope-click-") as name:
        folder, log = Path(name), Path(name) / "service.log"
        with serving(site, folder / "data", log, MESOSCOPE_LOG_FORMAT="json") as service:
            extension.set(server=service)
            for case, way in ((each, way) for each in wanted for way in each.ways):
                address = pages.new(case)
                if case.again:
                    clicked(extension, case, way, address)
                seen = clicked(extension, case, way, address)
                known = _marks(service, seen, log)
                for until, of in ((BOXES, stages.until_boxes), (VERDICT, stages.until_verdict)):
                    spent.setdefault((case.name, way, until), []).append(of(seen, known))
                if case.name.endswith(FIRST):
                    time.sleep(WARM_S)


def _marks(service: str, seen: Seen, log: Path) -> stages.Marks | None:
    """What the service wrote down; None where the browser did it alone."""
    if seen.job_id is None:
        return None
    job = requests.get(f"{service}/jobs/{seen.job_id}", timeout=20).json()
    return stages.marks(log.read_text().splitlines(), float(job["created_at"]))


def _plain_s(clip: Path) -> float:
    """From ready to the verdict, by what is usually built."""
    said = events(Program(asked("plain_pipeline", clip)))
    return float(said["answer"]["at_s"] - said["ready"]["at_s"])


def _compared(spent: Spent, plain_s: dict[str, list[float]]) -> Iterator[Comparison]:
    for name, theirs in plain_s.items():
        times = spent.get((name, SERVICE, BOXES))
        if times:
            yield Comparison(f"{name}-{BOXES}", PEER, list(map(_total, times)), theirs, WANTED)


def _row(point: tuple[str, str, str], times: Sequence[dict[str, float]]) -> dict[str, object]:
    """The medians; a stage's share is its median of the median whole."""
    case, way, until = point
    totals = sorted(map(_total, times))
    return {
        "name": f"{case}-{way}-{until}",
        "case": case,
        "way": way,
        "until": until,
        "rounds": len(times),
        "seconds": f"{statistics.median(totals):.3f}",
        "fastest": f"{totals[0]:.3f}",
        "slowest": f"{totals[-1]:.3f}",
        **{f"{stage} s": f"{_of(times, stage):.3f}" for stage in stages.STAGES},
    }


def _bars(spent: Spent) -> Iterator[tuple[str, dict[str, float]]]:
    for (case, way, until), times in spent.items():
        name = f"{case}, {way}: {until}"
        yield name, {stage: _of(times, stage) for stage in stages.STAGES}


def _of(times: Sequence[dict[str, float]], stage: str) -> float:
    return _median(spent.get(stage, 0.0) for spent in times)


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _total(spent: dict[str, float]) -> float:
    return sum(spent.values())
