"""What a check is: its source, its options, and the key by which two askers share the work."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.config import Settings
from server.fetch.urls import checked_url
from server.jobs.keys import Space, check_key, digest
from server.jobs.queue import Queue
from server.jobs.records import NewJob, Taken
from server.jobs.store import Store

HOUR_S = 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ask:
    """How a check is wanted. `options`: fields of AnalysisOptions, in place of the service's own.

    `fresh`: not to be answered from a finished check. `urgent`: a person is waiting.
    `idempotency_key`: the same key gives the same job, also after it has ended; no two clients have
    the same.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    urgent: bool = True
    idempotency_key: str | None = None


class Checks:
    """Takes checks on and calls them off. Every asker gets a job; the work may be shared."""

    def __init__(self, settings: Settings, store: Store, queue: Queue) -> None:
        self._settings = settings
        self._store = store
        self._queue = queue

    def url(self, text: str, ask: Ask = Ask()) -> str:
        """The id of the job for an address, which may have ended; raises BadUrl, QueueFull or
        IdempotencyConflict."""
        url = checked_url(text)
        return self._submit("url", url, url, ask).job_id

    def file(self, path: Path, sha256: str, name: str, ask: Ask = Ask()) -> str:
        """The id of the job for an uploaded file, which is ours from now on, as for an address."""
        return self._sent("content", path, sha256, ask, name)

    def frames(self, path: Path, sha256: str, ask: Ask = Ask()) -> str:
        """The id of the job for frames, joined in a file that is ours from now on, as for an
        address. `sha256`: of the frames with their times."""
        return self._sent("frames", path, sha256, ask)

    def call_off(self, job_id: str) -> bool:
        """Cancel a job in flight, or forget one that has ended; False if neither was possible."""
        return self._store.cancel(job_id) or self._store.remove(job_id)

    def _sent(self, space: Space, path: Path, sha256: str, ask: Ask, name: str = "") -> str:
        needed = False
        try:
            self._store.chunks.send(path)  # before a worker can look for it
            taken = self._submit(space, str(path), sha256, ask, name)
            needed = taken.created
            return taken.job_id
        finally:
            if not needed:  # refused, or there is work on the same file already
                self._store.chunks.drop(path)

    def _submit(self, space: Space, source: str, identity: str, ask: Ask, name: str = "") -> Taken:
        options = {**self._settings.options, **ask.options}
        params = {"options": options, "fresh": ask.fresh}
        if space == "content":  # frames are known by another hash than their file's
            params["sha256"] = identity
        new = NewJob(
            "url" if space == "url" else "file",
            source,
            check_key(space, identity, options),
            params,
            ask.urgent,
            name,
            ask.idempotency_key,
            asked=digest([space, identity, dict(ask.options), ask.fresh, ask.urgent]),
        )
        many = space == "url" and not ask.urgent
        limit = self._settings.batch_limit if many else self._settings.queue_limit
        cache_s = 0.0 if ask.fresh else HOUR_S * self._settings.cache_hours
        taken = self._store.submit(new, limit, cache_s)
        if taken.work_id is not None:
            log.info("job=%s work=%s created=%s", taken.job_id, taken.work_id, taken.created)
            if taken.created or (ask.urgent and self._store.hurry(taken.work_id)):
                self._queue.send(taken.work_id, ask.urgent)
        return taken
