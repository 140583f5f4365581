"""Runs one work: claim its lease, fetch and check its media, write down what came of it."""

from __future__ import annotations

import logging
import math
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from server.config import Settings
from server.errors import AppError, TimeLimit
from server.gpu.client import NetworksProcess
from server.jobs.checks import Backend, check_key
from server.jobs.folders import Folders
from server.jobs.lease_keeper import LeaseKeeper, LostWork, retry_outage
from server.jobs.leases import MAX_ATTEMPTS, Leases
from server.jobs.records import Work
from server.processes.check import check
from server.processes.child import COMMAND, Child
from server.processes.fetch import SHARE, DownloadLimits, Fetched, fetch, sha256_of
from server.processes.forkserver import ForkServerPool
from server.processes.messages import Answer, Picture, Progress
from server.processes.protocol import Checking, Task

LAST_WORDS = "output.txt"  # in the scratch folder
HOUR_S = 3600.0
STARTED_S = 5.0  # a worker that answers within it has other things to do than to get ready

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: a result, or an error that another attempt may or may not help."""

    result: dict[str, Any] | None = None
    pictures: tuple[Picture, ...] = ()
    error: AppError | None = None
    twin: str | None = None  # the work that looked at the same media before


class Stopping(Exception):
    """This worker shuts down."""


class Runner:
    """Runs works, one in each thread that calls run(), at most `settings.workers` at a time.

    `send` hands a work that waits again to the broker: id, urgent. `networks` become ours to close.
    """

    def __init__(
        self,
        leases: Leases,
        settings: Settings,
        send: Callable[[str, bool], None],
        command: Sequence[str] = COMMAND,
        networks: NetworksProcess | None = None,
    ) -> None:
        self.stopping = threading.Event()
        self.send = send
        self.folders = Folders.create(settings.data_dir)
        self._leases = leases
        self._settings = settings
        self.owners: set[str] = set()  # of the attempts that run here
        self._networks = networks
        self._get_ready_at = time.monotonic() + STARTED_S
        self._pool = ForkServerPool(settings.jobs_per_child) if command is COMMAND else None
        self._command = command

    @property
    def idle(self) -> int:
        """How many more works could run now."""
        return self._settings.workers - len(self.owners)

    @property
    def backend(self) -> str:
        """What runs the networks of the next check."""
        return "keras" if self._networks and self._networks.ready else "tflite"

    def run(self, work_id: str) -> None:
        """Run a work if it is waiting. Returns when it has ended, is lost, or waits again."""
        owner = secrets.token_hex(16)
        if self.stopping.is_set() or not (work := self._leases.claim(work_id, owner)):
            return
        log.info("work=%s claimed attempt=%d kind=%s", work.id, work.attempts, work.kind)
        self.owners.add(owner)
        try:
            self._run(work, owner)
        except LostWork:
            log.info("work=%s is not ours any more", work.id)
        except Stopping:
            log.info("work=%s handed back: this worker stops", work.id)
            self._hand_back(work, owner)
        finally:
            self.owners.remove(owner)

    def _hand_back(self, work: Work, owner: str) -> None:
        if self._leases.release(work.id, owner, counted=False):
            self.send(work.id, work.urgent)

    def tidy(self) -> None:
        """Call now and then: gets ready for the first check, and ends what was kept ready and is
        not needed any more."""
        if not self._pool:
            return
        if time.monotonic() > self._get_ready_at:
            self._get_ready_at = math.inf
            self._pool.prepare()
        self._pool.tidy()

    def close(self) -> None:
        if self._pool:
            self._pool.close()
        if self._networks:
            self._networks.close()

    def _run(self, work: Work, owner: str) -> None:
        scratch = self.folders.scratch / owner
        try:
            scratch.mkdir()
            outcome = self._attempt(work, owner, scratch)
        finally:  # before the work is seen to have ended
            shutil.rmtree(scratch, ignore_errors=True)
        retry_outage(lambda: self._settle(work, owner, outcome))
        if self._pool:  # only now, so that the first answer waits for nothing
            self._pool.prepare()

    def _attempt(self, work: Work, owner: str, scratch: Path) -> Outcome:
        go_on = self._keeping(work, owner)
        begun = time.monotonic()
        try:
            file = self._file(work, owner, scratch, go_on)
            fetch_s = time.monotonic() - begun
            if twin := self._same_media(work, owner, file):
                return Outcome(twin=twin)
            answer = self._check(work, file, scratch, go_on)
        except AppError as error:
            return Outcome(error=error)
        if work.kind == "url":
            answer.result["timing_s"]["fetch"] = round(fetch_s, 3)
        return Outcome(answer.result, answer.pictures)

    def _keeping(self, work: Work, owner: str) -> Callable[[Progress | None], None]:
        """What to call all the time: writes progress down, and raises why not to go on."""
        keeper = LeaseKeeper(self._leases, work, owner)
        seconds = self._settings.job_timeout_s
        deadline = time.monotonic() + seconds

        def go_on(news: Progress | None) -> None:
            if news:
                keeper.progress(news)
                return
            keeper.keep()
            if self.stopping.is_set():
                raise Stopping
            if time.monotonic() > deadline:
                raise TimeLimit(f"it was stopped after {seconds:g} s")

        return go_on

    def _file(
        self, work: Work, owner: str, scratch: Path, go_on: Callable[[Progress | None], None]
    ) -> Fetched:
        """The media, on this machine."""
        if work.kind == "url":
            log.info("work=%s stage=fetch", work.id)
            limits = DownloadLimits.of(self._settings)
            return fetch(work.source, scratch, limits, self._start, go_on)

        def hold() -> None:
            if not self._leases.renew(work.id, owner):
                raise LostWork

        upload = self.folders.upload(work.source)
        path = retry_outage(lambda: self._leases.chunks.fetched(upload, scratch, hold))
        return Fetched(path, work.params.get("sha256") or sha256_of(path))

    def _same_media(self, work: Work, owner: str, file: Fetched) -> str | None:
        """The finished work that answers this one, now that its media is known."""
        if work.kind == "file" or file.cut_short:  # what an upload is was known before
            return None
        content = check_key("content", file.sha256, work.params["options"], _backend(work))
        young_s = 0.0 if work.params.get("fresh") else HOUR_S * self._settings.cache_hours
        since = time.time() - young_s
        return retry_outage(lambda: self._leases.same_media(work.id, owner, content, since))

    def _check(
        self, work: Work, file: Fetched, scratch: Path, go_on: Callable[[Progress | None], None]
    ) -> Answer:
        networks = None if _backend(work) == "tflite" else self._networks
        asked = Checking.within(
            self._settings,
            str(file.path),
            sha256=file.sha256,
            cut_short=file.cut_short,
            options=work.params["options"],
            watched_s=work.params.get("watched_s"),
        )
        task = Task(asked, work.id, str(scratch / LAST_WORDS))
        done = SHARE if work.kind == "url" else 0.0
        return check(task, partial(self._start, networks=networks), go_on, done)

    def _start(self, task: Task, networks: NetworksProcess | None = None) -> Child:
        told = replace(task, log_format=self._settings.log_format)
        return Child(told, self._command, self._pool, networks)

    def _settle(self, work: Work, owner: str, outcome: Outcome) -> None:
        if outcome.result is not None:
            ended = self._leases.finish(work.id, owner, outcome.result, outcome.pictures)
            how = "done"
        elif outcome.twin:
            ended, how = self._leases.finish_as(work.id, owner, outcome.twin), "done as before"
            if not ended:  # it was deleted just now
                self._hand_back(work, owner)
        elif outcome.error and outcome.error.retryable and work.attempts < MAX_ATTEMPTS:
            if self._leases.release(work.id, owner, counted=True):
                log.info("work=%s waits for another attempt", work.id)
                self.send(work.id, work.urgent)
            return
        else:
            error = (outcome.error or AppError()).to_json()
            ended, how = self._leases.fail(work.id, owner, error), f"failed code={error['code']}"
        if ended:
            log.info("work=%s %s after=%.1fs", work.id, how, time.time() - work.created_at)
            if work.kind == "file":
                self._leases.chunks.drop(self.folders.upload(work.source))


def _backend(work: Work) -> Backend:
    backend: Backend = work.params.get("backend", "auto")
    return backend
