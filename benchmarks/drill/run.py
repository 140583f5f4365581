"""One drill from start to end: machines up, people asking, parts killed, everything counted."""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.drill import faults
from benchmarks.drill.audit import Audit
from benchmarks.drill.backends import Backend, opened
from benchmarks.drill.child import NOWHERE
from benchmarks.drill.machines import HURRIED_WORKER, WEB, WORKER, Machine, adopt_orphans, strays
from benchmarks.drill.people import UPLOAD, People, wait_for
from benchmarks.drill.site import pictures
from benchmarks.options import BACKENDS, option, results
from benchmarks.servers import free_port
from server.config import Settings
from server.jobs.tables import open_engine
from server.jobs.uploads import YOUNG_S
from server.jobs.worker import SWEEP_S

MACHINES = 2
AHEAD = 16  # jobs in flight at most
ANSWER_S = (0.0, 0.8)  # how long the site takes
START_S = 60.0
UPLOAD_EVERY = 10  # one check in this number is of a file that is sent
SETTLE_S = YOUNG_S + SWEEP_S + 30  # what was killed is tidied up in seconds, uploads in minutes
RESOURCE = {"connections": "database"}  # what else cannot be broken while this is


@dataclass
class Report:
    """What happened. `ends`: jobs that are done, or the code of their error; `wrong`: answers that
    no service should give, by status."""

    backend: str
    seconds: float = 0.0
    accepted: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.orphans or self.files or self.wrong)


@dataclass(frozen=True, slots=True)
class Options:
    """One check in `real` is a real one, the others only take time."""

    jobs: int = option("checks", 200)
    seed: int = option("the same seed, the same kills", 1)
    workers: int = option("of each of the two machines", 2)
    real: int = option("one check in N is a real one", 1)
    limit: float = option("seconds for each back-end", 1800.0)
    backend: str | None = option("one of the two only", None, choices=BACKENDS)
    results: Path = results("drill")


def drill(backend: str, options: Options, console: Console) -> Report:
    """Raises Missing if the back-end's programs are not installed."""
    adopt_orphans()
    started, report = time.monotonic(), Report(backend)
    with (
        tempfile.TemporaryDirectory(prefix="mesoscope-drill-", ignore_cleanup_errors=True) as name,
        pictures() as host,
        opened(backend, Path(name)) as shared,
    ):
        course = Course(Path(name), shared, host, options)
        try:
            course.run(report, console)
        finally:
            course.stop()
            report.orphans += [stray.name() for stray in strays(shared.pids())]
        if not report.holds:
            console.print(*report.lost, *report.doubled, *report.orphans, *report.files, sep="\n")
            for machine in course.machines:
                console.print(machine.log.read_text()[-20_000:], markup=False)
    report.seconds = time.monotonic() - started
    return report


class Course:
    """The machines, kept running while faults strike."""

    def __init__(self, folder: Path, shared: Backend, host: str, options: Options) -> None:
        self._shared = shared
        self._host = host
        self._options = options
        self._mends: dict[str, tuple[float, Callable[[], object]]] = {}
        self._ended = 0
        engine = open_engine(shared.database_url)
        self._audit = Audit(engine)
        self.machines = []
        for number in range(MACHINES):
            settings = Settings(
                data_dir=folder / f"machine-{number}",
                database_url=shared.database_url,
                broker_url=shared.broker_url,
                port=free_port(),
                allow_hosts=(host,),
                rate_limit="",
            )
            shared.join(settings.data_dir)
            worker = WORKER if options.real == 1 else HURRIED_WORKER
            modules = [WEB] * (number == 0) + [worker] * options.workers
            self.machines.append(Machine(settings, modules))
        self._service = f"http://127.0.0.1:{self.machines[0].settings.port}"

    def run(self, report: Report, console: Console) -> None:
        deadline = time.monotonic() + self._options.limit
        plan = faults.plan(self._options.jobs, self._options.seed)
        people = People(self._service, self._addresses(), AHEAD, lambda: self._ended)
        with Progress(console=console) as bar:
            task = bar.add_task(f"{report.backend}: checks that ended", total=self._options.jobs)
            people.start()
            try:
                for fault in self._due(plan, lambda: time.monotonic() > deadline):
                    self._strike(fault, report)
                    bar.update(task, completed=self._ended)
                wait_for(
                    lambda: not people.is_alive() and self._ended >= len(people.accepted),
                    deadline - time.monotonic(),
                    lambda: (self.tend(), bar.update(task, completed=self._ended)),
                )
            finally:
                people.stop()
        self._mend(everything=True)
        wait_for(lambda: not self._left(), SETTLE_S, self.tend)
        report.accepted, report.answers = len(people.accepted), people.answers
        report.wrong = people.wrong
        report.orphans = [stray.name() for stray in strays(self._pids())]
        report.files = self._files()
        report.ends, report.lost, report.doubled = self._audit.verdict(people.accepted)

    def tend(self) -> None:
        """One step of the drill: restart processes that ended, undo faults that are due, count."""
        self._mend()
        for machine in self.machines:
            for part in machine.parts:
                part.tend()
        with contextlib.suppress(SQLAlchemyError):  # it is away just now
            self._ended = self._audit.ended()
        strays(self._pids())

    def stop(self) -> None:
        self._mend(everything=True)
        for machine in self.machines:
            for part in machine.parts:
                part.stop()

    def _addresses(self) -> list[str]:
        rng = random.Random(-self._options.seed - 1)  # another sequence than the faults'
        waits = [f"{rng.uniform(*ANSWER_S):.2f}" for _ in range(self._options.jobs)]
        hosts = [NOWHERE if n % self._options.real else self._host for n in range(len(waits))]
        addresses = [
            f"http://{host}/{number}.jpg?s={wait}"
            for number, (host, wait) in enumerate(zip(hosts, waits, strict=True))
        ]
        for number in range(UPLOAD_EVERY - 1, len(addresses), UPLOAD_EVERY):
            addresses[number] = f"{UPLOAD}{number}"
        return addresses

    def _due(self, plan: list[faults.Fault], over: Callable[[], bool]) -> Iterator[faults.Fault]:
        """Each fault at its moment."""
        for fault in plan:
            wait_for(lambda fault=fault: self._ended >= fault.ended or over(), START_S, self.tend)
            at = time.monotonic() + fault.delay_s
            wait_for(lambda at=at: time.monotonic() > at, START_S, self.tend)
            if over():
                return
            yield fault

    def _strike(self, fault: faults.Fault, report: Report) -> None:
        resource = RESOURCE.get(fault.kind, fault.kind)
        if resource in self._mends:
            self._mends.pop(resource)[1]()
        mend: Callable[[], object] | None = None

        def hit() -> bool:
            nonlocal mend
            mend = faults.strike(fault, self.machines, self._shared)
            return mend is not None

        wait_for(hit, START_S, self.tend)  # what the last fault killed may be away yet
        if mend:
            report.struck[fault.kind] += 1
            self._mends[resource] = (time.monotonic() + fault.lasts_s, mend)

    def _mend(self, *, everything: bool = False) -> None:
        now = time.monotonic()
        for resource, (due, mend) in list(self._mends.items()):
            if everything or now > due:
                del self._mends[resource]
                mend()

    def _left(self) -> bool:
        """Whether anything is still there that ought to go by itself."""
        return bool(strays(self._pids()) or self._files())

    def _files(self) -> list[str]:
        on_disk = [str(path) for machine in self.machines for path in machine.files()]
        return on_disk + self._audit.parcels()

    def _pids(self) -> set[int]:
        parts = [part for machine in self.machines for part in machine.parts]
        return {part.process.pid for part in parts if part.process} | self._shared.pids()
