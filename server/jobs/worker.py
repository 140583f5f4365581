"""The worker process: takes ids from the queue, runs each work in a child, until it is stopped.

Its Reaper puts right what dead workers left behind: their work, messages, media and old results.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from celery.worker import state as celery_state
from sqlalchemy.exc import SQLAlchemyError

from server.config import Settings
from server.gpu.client import NetworksProcess, wanted
from server.jobs.leases import Leases
from server.jobs.queue import TASK, Queue, make_celery
from server.jobs.runner import Runner
from server.jobs.store import Store
from server.jobs.tables import database_url, open_engine
from server.jobs.uploads import YOUNG_S
from server.processes import sandbox
from server.processes.child import COMMAND

TICK_S = 2.0
RESEND_S = 10.0  # a message that has not been read by then may be lost
SWEEP_S = 60.0
DAY_S = 86_400.0

log = logging.getLogger(__name__)


class Reaper(threading.Thread):
    """One in every worker; `name` is the worker's."""

    def __init__(
        self, store: Store, leases: Leases, runner: Runner, settings: Settings, worker: str
    ) -> None:
        super().__init__(name="reaper", daemon=True)
        self._store = store
        self._leases = leases
        self._runner = runner
        self._settings = settings
        self._worker = worker
        self._stopping = threading.Event()
        self._swept_at = float("-inf")
        self._resend_s = 0.0  # what was queued while no worker ran is not waited for

    def run(self) -> None:
        while True:
            try:
                self.tick()
            except (SQLAlchemyError, OSError) as error:  # the next round may succeed
                log.warning("the reaper missed a round: %s", getattr(error, "orig", error))
            if self._stopping.wait(TICK_S):
                return

    def stop(self) -> None:
        """End the thread, and take this worker off the list of live ones."""
        self._stopping.set()
        self.join()
        with suppress(SQLAlchemyError):
            self._leases.worker_gone(self._worker)

    def tick(self) -> None:
        self._runner.tidy()
        self._leases.worker_seen(self._worker, self._settings.workers, self._runner.backend)
        lost = self._leases.expire()
        for work_id, urgent in lost:
            log.warning("work=%s its worker was lost; it waits again", work_id)
            self._runner.send(work_id, urgent)
        # A worker with nothing to do has emptied the queue: what still waits was not delivered.
        for work_id, urgent in self._leases.overdue(self._resend_s, self._runner.idle):
            self._runner.send(work_id, urgent)
        self._resend_s = RESEND_S
        self._clear()
        if lost or time.monotonic() >= self._swept_at + SWEEP_S:
            self._swept_at = time.monotonic()
            self.sweep()

    def sweep(self) -> None:
        """Delete old results, and the media of attempts and uploads that nobody works on."""
        self._store.forget(time.time() - self._settings.keep_days * DAY_S)
        self._clear()
        uploads = list(self._runner.folders.uploads.iterdir())
        needed = self._leases.sources_in_use()
        for path in uploads:
            if str(path) not in needed and _age_s(path) > YOUNG_S:
                path.unlink(missing_ok=True)
        self._leases.chunks.sweep(needed)

    def _clear(self) -> None:
        """Delete what attempts left behind on this machine; another one may have taken the work.

        What runs here deletes its own: a work that was called off has children until its attempt
        finds out.
        """
        # Listed before the database is asked: an attempt is written there before it has a folder.
        if scratch := list(self._runner.folders.scratch.iterdir()):
            running = self._leases.owners() | self._runner.owners
            for path in scratch:
                if path.name not in running:
                    shutil.rmtree(path, ignore_errors=True)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def work(settings: Settings, command: Sequence[str] = COMMAND) -> int:
    """Run works until SIGTERM or SIGINT, which hand running ones back. Returns the exit status.

    The threads of the pool only watch their children, so one process with little memory does for
    any number of works. `command` is the children's.
    """
    engine = open_engine(database_url(settings))
    app = make_celery(settings)
    store, leases = Store(engine), Leases(engine)
    networks = NetworksProcess(settings) if wanted(settings) else None
    if networks:
        networks.wait()
    runner = Runner(leases, settings, Queue(app).send, command, networks)
    app.task(name=TASK)(runner.run)
    name = f"{socket.gethostname()}-{os.getpid()}"
    reaper = Reaper(store, leases, runner, settings, name)
    worker = app.WorkController(
        hostname=f"mesoscope@{name}",
        pool="threads",
        concurrency=settings.workers,
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
    )
    _stop_on_signals(runner)
    reaper.start()
    _greet(settings)
    try:
        worker.start()
    finally:
        runner.stopping.set()
        reaper.stop()
        runner.close()
        engine.dispose()
    log.info("the worker has stopped")
    return int(worker.exitcode or 0)


def _stop_on_signals(runner: Runner) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        runner.stopping.set()
        celery_state.should_stop = os.EX_OK

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _greet(settings: Settings) -> None:
    confined = sandbox.level()
    log.info(
        "the worker is ready for %d check(s) at a time, %s sandbox", settings.workers, confined.name
    )
    for missing in confined.lacks:
        log.warning("a check that falls to its media has more reach on this kernel: %s", missing)
