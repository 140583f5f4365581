"""Runs one work: claim its lease, have a child do the work, write down what came of it."""

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
from server.gpu.client import NetworksProcess
from server.jobs.content import sha256_of
from server.jobs.folders import Folders
from server.jobs.keys import BACKEND, check_key
from server.jobs.leases import MAX_ATTEMPTS, Leases
from server.jobs.records import Work
from server.jobs.watch import LostWork, Watch, stubbornly
from server.processes.check_main import LAST_WORDS, Task
from server.processes.child import COMMAND, Child
from server.processes.forkserver import Nursery
from server.processes.messages import Answer, Fetched, Picture, Progress, Refusal, heard

POLL_S = 0.2  # how often a work is checked for having been dropped
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
    twin: str | None = None  # the work that looked at the same media before

    @classmethod
    def of(cls, answer: Answer | Refusal) -> Outcome:
        if isinstance(answer, Answer):
            return cls(answer.result, answer.pictures)
        return cls(error=answer.error.to_json(), retryable=answer.error.retryable)


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
        self._busy = 0
        self._lock = threading.Lock()
        self._command = command
        self._networks = networks
        self._nursery = Nursery(settings.jobs_per_child) if command is COMMAND else None

    @property
    def idle(self) -> int:
        """How many more works could run now."""
        return self._settings.workers - self._busy

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
        with self._counted():
            try:
                self._run(work, owner)
            except LostWork:
                log.info("work=%s is not ours any more", work.id)
            except Stopping:
                log.info("work=%s handed back: this worker stops", work.id)
                self._hand_back(work, owner)

    def _hand_back(self, work: Work, owner: str) -> None:
        if self._leases.release(work.id, owner, counted=False):
            self.send(work.id, work.urgent)

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

    def _run(self, work: Work, owner: str) -> None:
        scratch = self.folders.scratch / owner
        try:
            scratch.mkdir()
            outcome = self._attempt(work, owner, scratch)
        finally:  # before the work is seen to have ended
            shutil.rmtree(scratch, ignore_errors=True)
        stubbornly(lambda: self._settle(work, owner, outcome))
        if self._nursery:  # only now, so that the first answer waits for nothing
            self._nursery.prepare()

    def _attempt(self, work: Work, owner: str, scratch: Path) -> Outcome:
        watch = Watch(self._leases, work, owner)
        deadline = time.monotonic() + self._settings.job_timeout_s
        source = self._source(work, owner, scratch)
        networks = None if work.params["options"].get(BACKEND) == "tflite" else self._networks
        task = self._task(work, source, scratch)
        with Child(task, self._command, self._nursery, networks) as child:
            fetched = work.kind == "file"  # what it is was known before
            while not child.ended:
                for message in heard(child.read(POLL_S), work.id):
                    if isinstance(message, Answer | Refusal):
                        return Outcome.of(message)
                    if isinstance(message, Progress):
                        watch.progress(message)
                    elif not fetched:
                        fetched = True
                        if twin := self._checked_before(work, owner, scratch, message):
                            return Outcome(twin=twin)
                watch.keep()
                if self.stopping.is_set():
                    raise Stopping
                if time.monotonic() > deadline:
                    seconds = self._settings.job_timeout_s
                    return Outcome.of(Refusal(TimeLimit(f"it was stopped after {seconds:g} s")))
            return _ended_early(child.close(), work, scratch)

    def _checked_before(
        self, work: Work, owner: str, scratch: Path, fetched: Fetched
    ) -> str | None:
        """The finished work that answers this one, now that its media is there."""
        sha256 = sha256_of(scratch, fetched.file) if fetched.file else None
        if sha256 is None:
            return None
        content = check_key("content", sha256, work.params["options"])
        young_s = 0.0 if work.params.get("fresh") else HOUR_S * self._settings.cache_hours
        since = time.time() - young_s
        return stubbornly(lambda: self._leases.same_media(work.id, owner, content, since))

    def _settle(self, work: Work, owner: str, outcome: Outcome) -> None:
        if outcome.result is not None:
            ended = self._leases.finish(work.id, owner, outcome.result, outcome.pictures)
            how = "done"
        elif outcome.twin:
            ended, how = self._leases.finish_as(work.id, owner, outcome.twin), "done as before"
            if not ended:  # it was deleted just now
                self._hand_back(work, owner)
        elif outcome.retryable and work.attempts < MAX_ATTEMPTS:
            if self._leases.release(work.id, owner, counted=True):
                log.info("work=%s waits for another attempt", work.id)
                self.send(work.id, work.urgent)
            return
        else:
            error = outcome.error or AppError().to_json()
            ended, how = self._leases.fail(work.id, owner, error), f"failed code={error['code']}"
        if ended:
            log.info("work=%s %s after=%.1fs", work.id, how, time.time() - work.created_at)
            if work.kind == "file":
                self._leases.parcels.drop(self.folders.upload(work.source))

    def _source(self, work: Work, owner: str, scratch: Path) -> str:
        """The address, or the path of the upload on this machine."""
        if work.kind == "url":
            return work.source

        def hold() -> None:
            if not self._leases.renew(work.id, owner):
                raise LostWork

        path = self.folders.upload(work.source)
        return str(stubbornly(lambda: self._leases.parcels.fetched(path, scratch, hold)))

    def _task(self, work: Work, source: str, scratch: Path) -> Task:
        return Task.within(
            self._settings,
            work_id=work.id,
            kind=work.kind,
            source=source,
            scratch=str(scratch),
            options={k: v for k, v in work.params["options"].items() if k != BACKEND},
        )


def _ended_early(status: int, work: Work, scratch: Path) -> Outcome:
    """Of a child that ended without an answer, by its exit status."""
    if status == -signal.SIGXCPU:
        error: AppError = TimeLimit("it used up the processor time that a check may have")
    else:
        words = _last_words(scratch)
        log.warning(
            "work=%s its child ended without an answer, status %d%s", work.id, status, words
        )
        error = WorkerLost(f"its process ended early {MAX_ATTEMPTS} times")
    return Outcome.of(Refusal(error))


def _last_words(scratch: Path) -> str:
    """The end of what a child and its libraries printed, for the log."""
    with suppress(OSError), (scratch / LAST_WORDS).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
        return f": {file.read().decode(errors='replace')!r}"
    return ""
