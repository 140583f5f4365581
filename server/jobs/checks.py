"""What a check is: its source, its options, and the key by which two askers share the work.

Two checks are the same if what is looked at, how, and with what are the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from models import registry
from server import __version__
from server.config import Settings
from server.fetch.urls import checked_url
from server.jobs.queue import Queue
from server.jobs.records import NewJob, Taken
from server.jobs.store import Store

HOUR_S = 3600.0
DETECTOR = "mtcnn"
Backend = Literal["auto", "tflite"]  # of the networks; auto: as the worker has it
KERAS = "keras"  # a backend, and the variant of a model that it runs

# Each has keys of its own: no file can be made to have the key of somebody's frames.
Space = Literal["url", "content", "frames"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """How a check is wanted. `options`: fields of AnalysisOptions, in place of the service's own.

    `fresh`: not to be answered from a finished check. `urgent`: a person is waiting.
    `idempotency_key`: the same key gives the same job, also after it has ended; no two clients have
    the same. `watched_s`: where in the video this person is, which changes no verdict.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    backend: Backend = "auto"
    fresh: bool = False
    urgent: bool = True
    idempotency_key: str | None = None
    watched_s: float | None = None


class Checks:
    """Takes checks on and calls them off. Every asker gets a job; the work may be shared."""

    def __init__(self, settings: Settings, store: Store, queue: Queue) -> None:
        self._settings = settings
        self._store = store
        self._queue = queue

    def url(self, text: str, asked: CheckRequest = CheckRequest()) -> str:
        """The id of the job for an address, which may have ended; raises BadUrl, QueueFull or
        IdempotencyConflict."""
        url = checked_url(text)
        return self._submit("url", url, url, asked).job_id

    def file(self, path: Path, sha256: str, name: str, asked: CheckRequest = CheckRequest()) -> str:
        """The id of the job for an uploaded file, which is ours from now on, as for an address."""
        return self._sent("content", path, sha256, asked, name)

    def frames(self, path: Path, sha256: str, asked: CheckRequest = CheckRequest()) -> str:
        """The id of the job for frames, joined in a file that is ours from now on, as for an
        address. `sha256`: of the frames with their times."""
        return self._sent("frames", path, sha256, asked)

    def call_off(self, job_id: str) -> bool:
        """Cancel a job in flight, or forget one that has ended; False if neither was possible."""
        return self._store.cancel(job_id) or self._store.remove(job_id)

    def _sent(
        self, space: Space, path: Path, sha256: str, asked: CheckRequest, name: str = ""
    ) -> str:
        needed = False
        try:
            self._store.chunks.send(path)  # before a worker can look for it
            taken = self._submit(space, str(path), sha256, asked, name)
            needed = taken.created
            return taken.job_id
        finally:
            if not needed:  # refused, or there is work on the same file already
                self._store.chunks.drop(path)

    def _submit(
        self, space: Space, source: str, identity: str, asked: CheckRequest, name: str = ""
    ) -> Taken:
        options = {**self._settings.options, **asked.options}
        params: dict[str, Any] = {
            "options": options,
            "backend": asked.backend,
            "fresh": asked.fresh,
            "watched_s": asked.watched_s,
        }
        if space == "content":  # frames are known by another hash than their file's
            params["sha256"] = identity
        said = [dict(asked.options), asked.backend, asked.fresh, asked.urgent]
        new = NewJob(
            "url" if space == "url" else "file",
            source,
            check_key(space, identity, options, asked.backend),
            params,
            asked.urgent,
            name,
            asked.idempotency_key,
            asked=digest([space, identity, *said]),
        )
        many = space == "url" and not asked.urgent
        limit = self._settings.batch_limit if many else self._settings.queue_limit
        cache_s = 0.0 if asked.fresh else HOUR_S * self._settings.cache_hours
        taken = self._store.submit(new, limit, cache_s)
        if taken.work_id is not None:
            log.info("job=%s work=%s created=%s", taken.job_id, taken.work_id, taken.created)
            if taken.created or (asked.urgent and self._store.prioritise(taken.work_id)):
                self._queue.send(taken.work_id, asked.urgent)
        return taken


def check_key(
    space: Space, identity: str, options: Mapping[str, Any], backend: Backend = "auto"
) -> str:
    """The key of a check. `identity`: the address, as checked_url returns it, or the SHA-256 of a
    file, wherever it came from, or of frames with their times."""
    return digest([space, identity, backend, _how(options)])


def digest(value: Any) -> str:
    """The SHA-256 of anything that JSON can say."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def model_sha256(name: str, backend: str | None = None) -> str | None:
    """The SHA-256 of the weights that `name` serves with; None if they are not there.

    `backend`: what runs the networks; Keras runs the full ones, where there are some.
    """
    try:
        spec = registry.spec(name)
    except registry.RegistryError:
        return None
    full = backend == KERAS and KERAS in spec.files
    return spec.files[KERAS if full else spec.serve].sha256


def _how(options: Mapping[str, Any]) -> list[Any]:
    """All that decides, beside the media, what comes out of a check."""
    names = (options.get("model", ""), *registry.TENTATIVE.values(), DETECTOR)
    return [dict(options), *map(_made_of, names), __version__]


def _made_of(name: str) -> list[Any]:
    """A model's files and what was fitted to it; nothing where there is no such model."""
    try:
        spec = registry.spec(name)
    except registry.RegistryError:
        return []
    fitted = [asdict(part) if part else None for part in (spec.calibration, spec.likelihood)]
    return [spec.serve, {part: file.sha256 for part, file in spec.files.items()}, *fitted]
