"""What a check is: its source, its options, and the key by which two askers share one job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.config import Settings
from server.fetch.urls import checked_url
from server.jobs.folders import Folders
from server.jobs.keys import content_key, digest, url_key
from server.jobs.queue import Queue
from server.jobs.store import Job, Kind, NewJob, Store

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Ask:
    """How a check is wanted. `options`: fields of AnalysisOptions, in place of the service's own.

    `fresh`: not to be answered from a finished check. `urgent`: a person is waiting.
    `idempotency_key`: the same key gives the same job, also after it has ended.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    urgent: bool = True
    idempotency_key: str | None = None


class Checks:
    """Takes checks on, joins those that are in flight, and calls them off."""

    def __init__(self, settings: Settings, store: Store, queue: Queue) -> None:
        self._settings = settings
        self._folders = Folders(settings.data_dir.resolve())
        self._store = store
        self._queue = queue

    def url(self, text: str, ask: Ask = Ask()) -> str:
        """The id of the job for an address, which may have ended; raises BadUrl, QueueFull or
        IdempotencyConflict."""
        url = checked_url(text)
        job_id, _ = self._submit("url", url, url, ask)
        return job_id

    def file(self, path: Path, sha256: str, title: str, ask: Ask = Ask()) -> str:
        """The id of the job for an uploaded file, which is ours from now on, as for an address."""
        created = False
        try:
            self._store.parcels.send(path)  # before a worker can look for it
            job_id, created = self._submit("file", str(path), sha256, ask, title)
        finally:
            if not created:  # refused, or there is a job for the same file already
                self._store.parcels.drop(path)
        return job_id

    def call_off(self, job: Job) -> bool:
        """Cancel a job in flight, or forget one that has ended; False if neither was possible."""
        if not self._store.cancel(job.id):
            return self._store.remove(job.id)
        if job.kind == "file":
            self._store.parcels.drop(self._folders.upload(job.source))
        return True

    def _submit(
        self, kind: Kind, source: str, identity: str, ask: Ask, title: str | None = None
    ) -> tuple[str, bool]:
        options = {**self._settings.options, **ask.options}
        key = url_key if kind == "url" else content_key
        new = NewJob(
            kind,
            source,
            key(identity, options),
            {"options": options, "title": title, "fresh": ask.fresh},
            ask.urgent,
            ask.idempotency_key,
            asked=digest([kind, identity, dict(ask.options), ask.fresh, ask.urgent]),
        )
        many = kind == "url" and not ask.urgent
        limit = self._settings.batch_limit if many else self._settings.queue_limit
        cache_s = 0.0 if ask.fresh else HOUR_S * self._settings.cache_hours
        job_id, created = self._store.submit(new, limit, cache_s)
        if created or (ask.urgent and self._store.hurry(job_id)):
            self._queue.send(job_id, ask.urgent)
        return job_id, created
