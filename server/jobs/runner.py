"""Runs one job: claim its lease, have a child do the work, write down what came of it."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.config import Settings
from server.errors import AppError, TimeLimit, WorkerLost
from server.jobs.child import LAST_WORDS, Task
from server.jobs.content import sha256_of
from server.jobs.folders import Folders
from server.jobs.keys import BACKEND, content_key
from server.jobs.leases import MAX_ATTEMPTS, Leases
from server.jobs.messages import Answer, Fetched, Picture, Progress, Refusal, heard
from server.jobs.networks import NetworksProcess
from server.jobs.process import COMMAND, Child
from server.jobs.store import Job
from server.jobs.warm import Nursery
from server.jobs.watch import LostJob, Watch, stubbornly

POLL_S = 0.2  # how often a job is checked for having been cancelled
LAST_WORDS_BYTES = 1000
HOUR_S = 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: a result, or an error that another attempt may or may not help."""

    result: dict[str, Any] | None = None
    pictures: tuple[Picture, ...] = ()
    error: dict[str, Any] | None = None
    retryable: bool = False
    twin: str | None = None  # the job that looked at the same media before

    @classmethod
    def of(cls, answer: Answer | Refusal) -> Outcome:
        if isinstance(answer, Answer):
            return cls(answer.result, answer.pictures)
        return cls(error=answer.error.to_json(), retryable=answer.error.retryable)


class Stopping(Exception):
    """This worker shuts down."""


class Runner:
    """Runs jobs, one in each thread that calls run(), at most `settings.workers` at a time.

    `send` hands a job that waits again to the broker: id, urgent. `networks` become ours to close.
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
        self._busy = 0
        self._lock = threading.Lock()
        self._command = command
        self._networks = networks
        self._nursery = Nursery(settings.jobs_per_child) if command is COMMAND else None

    @property
    def idle(self) -> int:
        """How many more jobs could run now."""
        return self._settings.workers - self._busy

    @property
    def backend(self) -> str:
        """What runs the networks of the next check."""
        return "keras" if self._networks and self._networks.ready else "tflite"

    def run(self, job_id: str) -> None:
        """Run a job if it is waiting. Returns when it has ended, is lost, or waits again."""
        owner = secrets.token_hex(16)
        if self.stopping.is_set() or not (job := self._leases.claim(job_id, owner)):
            return
        log.info("job=%s claimed attempt=%d kind=%s", job.id, job.attempts, job.kind)
        with self._counted():
            try:
                self._run(job, owner)
            except LostJob:
                log.info("job=%s is not ours any more", job.id)
            except Stopping:
                log.info("job=%s handed back: this worker stops", job.id)
                self._hand_back(job, owner)

    def _hand_back(self, job: Job, owner: str) -> None:
        if self._leases.release(job.id, owner, counted=False):
            self.send(job.id, job.urgent)

    def tidy(self) -> None:
        """Call now and then: ends what was kept ready and is not needed any more."""
        if self._nursery:
            self._nursery.tidy()

    def close(self) -> None:
        if self._nursery:
            self._nursery.close()
        if self._networks:
            self._networks.close()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def _run(self, job: Job, owner: str) -> None:
        scratch = self.folders.scratch / owner
        try:
            scratch.mkdir()
            outcome = self._attempt(job, owner, scratch)
        finally:  # before the job is seen to have ended
            shutil.rmtree(scratch, ignore_errors=True)
        stubbornly(lambda: self._settle(job, owner, outcome))
        if self._nursery:  # only now, so that the first answer waits for nothing
            self._nursery.prepare()

    def _attempt(self, job: Job, owner: str, scratch: Path) -> Outcome:
        watch = Watch(self._leases, job, owner)
        deadline = time.monotonic() + self._settings.job_timeout_s
        source = self._source(job, owner, scratch)
        networks = None if job.params["options"].get(BACKEND) == "tflite" else self._networks
        task = self._task(job, source, scratch)
        with Child(task, self._command, self._nursery, networks) as child:
            fetched = job.kind == "file"  # what it is was known before
            while not child.ended:
                for message in heard(child.read(POLL_S), job.id):
                    if isinstance(message, Answer | Refusal):
                        return Outcome.of(message)
                    if isinstance(message, Progress):
                        watch.progress(message)
                    elif not fetched:
                        fetched = True
                        if twin := self._checked_before(job, owner, scratch, message):
                            return Outcome(twin=twin)
                watch.keep()
                if self.stopping.is_set():
                    raise Stopping
                if time.monotonic() > deadline:
                    seconds = self._settings.job_timeout_s
                    return Outcome.of(Refusal(TimeLimit(f"it was stopped after {seconds:g} s")))
            return _ended_early(child.close(), job, scratch)

    def _checked_before(self, job: Job, owner: str, scratch: Path, fetched: Fetched) -> str | None:
        """The finished job that answers this one, now that its media is there."""
        sha256 = sha256_of(scratch, fetched.file) if fetched.file else None
        if sha256 is None:
            return None
        content = content_key(sha256, job.params["options"])
        young_s = 0.0 if job.params.get("fresh") else HOUR_S * self._settings.cache_hours
        since = time.time() - young_s
        return stubbornly(lambda: self._leases.same_media(job.id, owner, content, since))

    def _settle(self, job: Job, owner: str, outcome: Outcome) -> None:
        if outcome.result is not None:
            ended = self._leases.finish(job.id, owner, outcome.result, outcome.pictures)
            how = "done"
        elif outcome.twin:
            ended, how = self._leases.finish_as(job.id, owner, outcome.twin), "done as before"
            if not ended:  # it was deleted just now
                self._hand_back(job, owner)
        elif outcome.retryable and job.attempts < MAX_ATTEMPTS:
            if self._leases.release(job.id, owner, counted=True):
                log.info("job=%s waits for another attempt", job.id)
                self.send(job.id, job.urgent)
            return
        else:
            error = outcome.error or AppError().to_json()
            ended, how = self._leases.fail(job.id, owner, error), f"failed code={error['code']}"
        if ended:
            log.info("job=%s %s after=%.1fs", job.id, how, time.time() - job.created_at)
            if job.kind == "file":
                self._leases.parcels.drop(self.folders.upload(job.source))

    def _source(self, job: Job, owner: str, scratch: Path) -> str:
        """The address, or the path of the upload on this machine."""
        if job.kind == "url":
            return job.source

        def hold() -> None:
            if not self._leases.renew(job.id, owner):
                raise LostJob

        path = self.folders.upload(job.source)
        return str(stubbornly(lambda: self._leases.parcels.fetched(path, scratch, hold)))

    def _task(self, job: Job, source: str, scratch: Path) -> Task:
        return Task.within(
            self._settings,
            job_id=job.id,
            kind=job.kind,
            source=source,
            title=job.params.get("title"),
            scratch=str(scratch),
            options={k: v for k, v in job.params["options"].items() if k != BACKEND},
        )


def _ended_early(status: int, job: Job, scratch: Path) -> Outcome:
    """Of a child that ended without an answer, by its exit status."""
    if status == -signal.SIGXCPU:
        error: AppError = TimeLimit("it used up the processor time that a check may have")
    else:
        words = _last_words(scratch)
        log.warning("job=%s its child ended without an answer, status %d%s", job.id, status, words)
        error = WorkerLost(f"its process ended early {MAX_ATTEMPTS} times")
    return Outcome.of(Refusal(error))


def _last_words(scratch: Path) -> str:
    """The end of what a child and its libraries printed, for the log."""
    with suppress(OSError), (scratch / LAST_WORDS).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
        return f": {file.read().decode(errors='replace')!r}"
    return ""
