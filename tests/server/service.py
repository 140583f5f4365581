"""Real processes of the service for tests: they are started here, and always stopped."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import requests
from sqlalchemy import Engine, select

from server.config import PREFIX, Settings
from server.jobs.queue import Queue, make_celery
from server.jobs.records import Job, NewJob
from server.jobs.store import Store
from server.jobs.tables import database_url, jobs, open_engine, works

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def work_of(engine: Engine, job_id: str) -> Any:
    """The row of a job's work."""
    query = select(works).join(jobs).where(jobs.c.id == job_id)
    with engine.connect() as connection:
        return connection.execute(query).one()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(ask: Callable[[], T], seconds: float = 20.0) -> T:
    """What `ask` returns once that is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
        time.sleep(0.02)
    return answer


def scripted(*steps: str, name: str = "") -> str:
    """An address that makes tests.server.jobs_child do these steps."""
    return f"http://child.test/{name}?" + "&".join(f"do={step}" for step in steps)


def mentioning(text: str) -> list[psutil.Process]:
    """The processes with `text` in their command line."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and text in " ".join(process.cmdline()):
                found.append(process)
    return found


def gone(process: psutil.Process) -> bool:
    """Whether it has ended; one that nobody has reaped yet has."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def tree(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


class Site:
    """One machine: its settings, store and queue, and the processes that were started for it."""

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        # Tests ask more often than any person does.
        settings = {"rate_limit": "", **settings}
        self.settings = Settings(data_dir=data_dir, port=free_port(), **settings)
        self.engine = open_engine(database_url(self.settings))
        self.store = Store(self.engine)
        self.queue = Queue(make_celery(self.settings))
        self.log = data_dir / "log.txt"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, part: str, **settings: Any) -> subprocess.Popen[bytes]:
        """Start `serve`, `worker`, `run`, or `scripted` (a worker whose children do as told)."""
        module = "tests.server.scripted_worker" if part == "scripted" else "server"
        arguments = [] if part == "scripted" else [part]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
        environment |= self.settings.to_env() | {k: str(v) for k, v in settings.items()}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def serve(self) -> None:
        self.start("serve")
        until(self.answers)

    def answers(self) -> bool:
        try:
            return self.get("/healthz").ok
        except requests.ConnectionError:
            return False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.settings.port}{path}"

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url(path), timeout=60, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url(path), timeout=60, **options)

    def submit(
        self, source: str, *, urgent: bool = True, send: bool = True, fresh: bool = False
    ) -> str:
        """Put a job in, as the API does."""
        key = hashlib.sha256(source.encode()).hexdigest()
        new = NewJob("url", source, key, {"options": {}, "fresh": fresh}, urgent)
        taken = self.store.submit(new, limit=1000)
        assert taken.work_id is not None
        if taken.created and send:
            self.queue.send(taken.work_id, urgent)
        return taken.job_id

    def work(self, job_id: str) -> Any:
        """The row of a job's work."""
        return work_of(self.engine, job_id)

    def job(self, job_id: str) -> Job:
        job = self.store.get(job_id)
        assert job is not None
        return job

    def ended(self, job_id: str, seconds: float = 30.0) -> Job:
        until(lambda: not self.job(job_id).in_flight, seconds)
        return self.job(job_id)

    def stop(self) -> None:
        """Stop what was started, and everything that it started."""
        trees = []
        for process in self.started:
            with contextlib.suppress(psutil.NoSuchProcess):
                trees += tree(process.pid)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for left in trees:
            with contextlib.suppress(psutil.Error):
                left.kill()
        self.engine.dispose()


@contextlib.contextmanager
def running(site: Site, *parts: str) -> Iterator[Site]:
    """The site with these parts started; whatever happens, they are stopped."""
    try:
        for part in parts:
            site.serve() if part == "serve" else site.start(part)
        yield site
    finally:
        site.stop()
