"""How many checks the queue itself can start, and what a second machine adds.

`starts`: checks whose work takes no time, from being asked for to being done: what the queue, the
jobs table and the worker around a check cost. `requests`: the same, asked for over HTTP and looked
at five times. `waiting`: checks that wait half a second each, as
for a slow site. `pictures` and `videos`: real checks of the sample picture and of half a minute of
720p with one face, which keep a core busy each.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import requests

from benchmarks import clip
from benchmarks.compare import update
from benchmarks.drill.backends import Backend, opened
from benchmarks.drill.machines import WEB, WORKER, Machine
from benchmarks.drill.people import wait_for
from benchmarks.drill.site import marked
from benchmarks.machine import setting
from benchmarks.options import BACKENDS, line, option, results
from benchmarks.servers import free_port
from server.config import Settings
from server.jobs.checks import Checks
from server.jobs.queue import Queue, make_celery
from server.jobs.store import Store
from server.jobs.tables import open_engine

MACHINES = (1, 2)
ASKERS = 4  # threads
LOOKS = 5  # at a check that was asked for over HTTP
WAIT_S = 0.5
LIMIT_S = 600.0
WANTED = {"starts": 100.0, "waiting": 1.8}  # a second; times what one machine does
PACKAGES = ("celery", "sqlalchemy", "psycopg", "redis")


@dataclass(frozen=True, slots=True)
class Load:
    """`slots`: checks at a time on each machine; `warm_up`: checks that are not counted."""

    name: str
    worker: tuple[str, ...]
    slots: int
    jobs: int
    warm_up: int = 0


def loads(share: float) -> list[Load]:
    """`share` of the full number of checks."""

    def waiting(seconds: float) -> tuple[str, ...]:
        return "benchmarks.waiting_worker", str(seconds)

    return [
        Load("starts", waiting(0.0), slots=4, jobs=round(1000 * share)),
        Load("requests", waiting(0.0), slots=4, jobs=round(200 * share)),
        Load("waiting", waiting(WAIT_S), slots=8, jobs=round(200 * share)),
        Load("pictures", WORKER, slots=1, jobs=round(40 * share), warm_up=6),
        Load("videos", WORKER, slots=1, jobs=round(8 * share), warm_up=2),
    ]


@dataclass(frozen=True, slots=True)
class Rate:
    """`cpu_ms`: processor time of a check, with its asker, workers, database and broker."""

    per_s: float
    cpu_ms: float


def measure(backend: str, load: Load, machines: int) -> Rate:
    """Raises Missing."""
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="mesoscope-queue-"))
        shared = stack.enter_context(opened(backend, Path(name)))
        site = Site(Path(name), shared, load, machines)
        stack.callback(site.stop)
        site.start()
        if load.warm_up:
            site.work(load.warm_up * machines, "warm-up")
            time.sleep(10)  # for what gets ready after the first checks
        return site.work(load.jobs, "measured")


def _cpu_s() -> float:
    """Of this process and of all that came from it, also of what has ended."""
    seconds = 0.0
    for process in [(this := psutil.Process()), *this.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            seconds += sum(process.cpu_times()[:4])
    return seconds


class Site:
    """Worker machines, and a client that sends them checks."""

    def __init__(self, folder: Path, shared: Backend, load: Load, machines: int) -> None:
        self._load = load
        self._engine = open_engine(shared.database_url)
        self._machines = []
        for number in range(machines):
            settings = Settings(
                data_dir=folder / f"machine-{number}",
                database_url=shared.database_url,
                broker_url=shared.broker_url,
                workers=load.slots,
                queue_limit=100_000,
                port=free_port(),
                rate_limit="",
            )
            shared.join(settings.data_dir)
            web = [WEB] * (load.name == "requests" and number == 0)
            self._machines.append(Machine(settings, [load.worker, *web]))
        self._uploads = folder / "asked"
        self._uploads.mkdir()
        self._clip = clip.make() if load.name == "videos" else b""
        self._store = Store(self._engine)
        settings = self._machines[0].settings
        self._service = f"http://127.0.0.1:{settings.port}"
        self._checks = Checks(settings, self._store, Queue(make_celery(settings)))

    def start(self) -> None:
        slots = self._load.slots * len(self._machines)
        if not wait_for(lambda: self._store.live_slots() == slots, LIMIT_S, self._tend):
            raise TimeoutError("the workers did not start")
        if self._load.name == "requests" and not wait_for(self._answers, LIMIT_S, self._tend):
            raise TimeoutError("the service did not start")

    def work(self, jobs: int, batch: str) -> Rate:
        """From the first question to the last answer."""
        asks: dict[str, Callable[[str], object]] = {"requests": self._ask_http}
        asks |= {"pictures": self._ask_file, "videos": self._ask_file}
        ask = asks.get(self._load.name, self._ask)
        start, cpu_start = time.monotonic(), _cpu_s()
        with ThreadPoolExecutor(ASKERS) as askers:
            list(askers.map(ask, [f"{batch}-{number}" for number in range(jobs)]))
        if not wait_for(lambda: not any(self._store.counts().values()), LIMIT_S, self._tend):
            raise TimeoutError("the checks did not end")
        return Rate(jobs / (time.monotonic() - start), 1000 * (_cpu_s() - cpu_start) / jobs)

    def stop(self) -> None:
        for machine in self._machines:
            for part in machine.parts:
                part.stop()
        self._engine.dispose()

    def _ask(self, name: str) -> str:
        return self._checks.url(f"http://waiting.example/{name}")

    def _ask_http(self, name: str) -> None:
        body = {"url": f"http://waiting.example/{name}", "wait": 0}
        job = requests.post(f"{self._service}/check-url", json=body, timeout=LIMIT_S).json()
        for _ in range(LOOKS):
            requests.get(f"{self._service}/jobs/{job['id']}", timeout=LIMIT_S).raise_for_status()

    def _answers(self) -> bool:
        with suppress(requests.ConnectionError):
            return requests.get(f"{self._service}/healthz", timeout=LIMIT_S).ok
        return False

    def _ask_file(self, name: str) -> str:
        mark = name.encode()
        body = marked(mark) if self._load.name == "pictures" else clip.marked(self._clip, mark)
        path = self._uploads / name
        path.write_bytes(body)
        return self._checks.file(path, hashlib.sha256(body).hexdigest(), name)

    def _tend(self) -> None:
        for machine in self._machines:
            for part in machine.parts:
                part.tend()


@dataclass(frozen=True, slots=True)
class Options:
    backend: str | None = option("one of the two only", None, choices=BACKENDS)
    share: float = option("of the full number of checks", 1.0)
    results: Path = results("queue")


def main(options: Options) -> bool:
    """Measure, print, and write `options.results`. True if all that is WANTED holds.

    Raises Missing.
    """
    rows: list[dict[str, object]] = []
    holds = True
    about = setting(line(replace(options, backend=None)), PACKAGES)
    for backend in [options.backend] if options.backend else BACKENDS:
        for load in loads(options.share):
            rates = [measure(backend, load, machines) for machines in MACHINES]
            gain = rates[-1].per_s / rates[0].per_s
            for machines, rate in zip(MACHINES, rates, strict=True):
                row: dict[str, object] = {
                    "backend": backend,
                    "load": load.name,
                    "machines": machines,
                }
                row |= {"slots": load.slots, "checks": load.jobs}
                row |= {"per_second": f"{rate.per_s:.2f}", "cpu_ms": f"{rate.cpu_ms:.1f}"}
                print(*(f"{name}={value}" for name, value in row.items()), flush=True)
                rows.append(row | about)
            print(f"{backend} {load.name}: two machines do {gain:.2f} times as much as one")
            holds &= load.name != "starts" or rates[0].per_s >= WANTED["starts"]
            holds &= load.name != "waiting" or gain >= WANTED["waiting"]
    update(rows, options.results)
    print("holds" if holds else f"does not hold: wanted {WANTED}")
    return holds
