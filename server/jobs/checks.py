"""What a check is: its source, its options, and the key by which two askers share one job."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from models import registry
from server.config import Settings
from server.fetch.urls import checked_url
from server.jobs.queue import Queue
from server.jobs.store import Job, Kind, NewJob, Store


class Checks:
    """Takes checks on, joins those that are in flight, and calls them off."""

    def __init__(self, settings: Settings, store: Store, queue: Queue) -> None:
        self._settings = settings
        self._store = store
        self._queue = queue

    def url(self, text: str) -> str:
        """The id of the job for an address; raises BadUrl or QueueFull."""
        url = checked_url(text)
        job_id, _ = self._submit(self._new("url", url, identity=url))
        return job_id

    def file(self, path: Path, sha256: str, title: str) -> str:
        """The id of the job for an uploaded file, which is ours from now on; raises QueueFull."""
        new = self._new("file", str(path), identity=sha256, title=title)
        created = False
        try:
            job_id, created = self._submit(new)
        finally:
            if not created:  # refused, or the same file is being checked already
                path.unlink(missing_ok=True)
        return job_id

    def call_off(self, job: Job) -> bool:
        """Cancel a job in flight, or forget one that has ended; False if neither was possible."""
        if not self._store.cancel(job.id):
            return self._store.remove(job.id)
        if job.kind == "file":
            Path(job.source).unlink(missing_ok=True)
        return True

    def _submit(self, new: NewJob) -> tuple[str, bool]:
        job_id, created = self._store.submit(new, self._settings.queue_limit)
        if created:
            self._queue.send(job_id, new.urgent)
        return job_id, created

    def _new(self, kind: Kind, source: str, identity: str, title: str | None = None) -> NewJob:
        options = self._settings.options
        asked = [kind, identity, options, model_sha256(self._settings.model)]
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        params: dict[str, Any] = {"options": options, "title": title}
        return NewJob(kind, source, key, params)


def model_sha256(name: str) -> str | None:
    """The SHA-256 of the weights that `name` serves with; None if they are not there."""
    try:
        spec = registry.spec(name)
    except registry.RegistryError:
        return None
    return spec.files[spec.serve].sha256
