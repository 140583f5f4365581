"""What the views work with, kept with the app they belong to."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field

from flask import Flask, current_app

from server.config import Settings
from server.jobs.checks import Checks
from server.jobs.feedback import Feedback
from server.jobs.folders import Folders
from server.jobs.queue import Queue, make_celery
from server.jobs.store import Store
from server.jobs.tables import database_url, open_engine
from server.jobs.uploads import Space

KEY = "mesoscope"
JOINED_AT_ONCE = 2  # sets of frames; each holds one of them in memory
SPARE_THREADS = 4  # never spent on waiting, so that short requests are always answered


def _few() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(JOINED_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Service:
    """`may_wait` bounds how many requests may wait or stream at the same time, `joining` how many
    make a file of their frames.

    `stopping` is set when this process gets its signal to end; waiting requests end then.
    """

    version: str
    settings: Settings
    store: Store
    checks: Checks
    folders: Folders
    feedback: Feedback
    space: Space
    may_wait: threading.BoundedSemaphore = field(repr=False)
    stopping: threading.Event = field(repr=False, default_factory=threading.Event)
    joining: threading.BoundedSemaphore = field(repr=False, default_factory=_few)

    @classmethod
    def open(cls, settings: Settings, version: str) -> Service:
        store = Store(open_engine(database_url(settings)))
        folders = Folders.create(settings.data_dir)
        return cls(
            version=version,
            settings=settings,
            store=store,
            checks=Checks(settings, store, Queue(make_celery(settings))),
            folders=folders,
            feedback=Feedback(folders.feedback),
            space=Space(folders, store.chunks, settings.queue_bytes),
            may_wait=threading.BoundedSemaphore(max(1, settings.threads - SPARE_THREADS)),
        )


def attach(app: Flask, service: Service) -> None:
    """Make it the app's, with which its connections to the database are closed."""
    app.extensions[KEY] = service
    weakref.finalize(app, service.store.close)


def current() -> Service:
    """The service of the app that handles this request."""
    return of(current_app)


def of(app: Flask) -> Service:
    service: Service = app.extensions[KEY]
    return service
