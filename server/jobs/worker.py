"""The worker process: takes ids from the queue, runs each work in a child, until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Sequence
from types import FrameType

from celery.worker import state as celery_state

from server.config import Settings
from server.gpu.client import NetworksProcess, wanted
from server.jobs.leases import Leases
from server.jobs.queue import TASK, Queue, make_celery
from server.jobs.reaper import Reaper
from server.jobs.runner import Runner
from server.jobs.store import Store
from server.jobs.tables import database_url, open_engine
from server.processes import sandbox
from server.processes.child import COMMAND

log = logging.getLogger(__name__)


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
