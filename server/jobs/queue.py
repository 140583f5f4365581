"""Celery carries work ids to whichever worker is free; what they mean is in the database.

A message may be lost or doubled without harm: the reaper sends ids again, and a claim succeeds
once. So messages are acknowledged early and nothing of them is kept.

A machine with no broker of its own has one of files in a folder: kombu's filesystem transport
without its steps that are not atomic. There, a message or a table of exchanges can be read while it
is being written, which ends the reader, and messages are taken by way of /tmp. Here a message goes
to the queue that its routing key names, so there are no tables.
"""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from celery import Celery
from kombu.entity import Queue as Route
from kombu.exceptions import KombuError, OperationalError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

from server.config import Settings
from server.jobs.folders import Folders

TASK = "check"
URGENT, BULK = "urgent", "bulk"  # in the order in which a worker looks into them
POLL_S = 0.04  # how often a worker looks for files, idle or full: four starts in each pause

SCHEME = "spool"
TURN_S = 0.5  # Celery looks every two seconds whether it should stop; people wait for that

log = logging.getLogger(__name__)


def make_celery(settings: Settings) -> Celery:
    """The Celery app of web and worker processes; connects to nothing yet."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
    broker = settings.broker_url or f"{SCHEME}://localhost"
    app = Celery("mesoscope", broker=broker, set_as_current=False)
    app.conf.update(
        task_queues=[_route(URGENT), _route(BULK)],
        task_default_queue=BULK,
        task_ignore_result=True,
        task_acks_late=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        # Redis' acknowledgements are kept to ourselves: one that a lost connection swallows would
        # count as unread for ever, and the worker would never ask for another message.
        broker_transport_options={"queue_order_strategy": "priority", "ack_emulation": False},
    )
    if not settings.broker_url:
        folders = Folders.create(settings.data_dir)
        app.conf.broker_transport_options = {
            "queue_order_strategy": "priority",
            "data_folder_in": str(folders.spool),
            "data_folder_out": str(folders.spool),
            "polling_interval": POLL_S,
        }
    return app


def _route(name: str) -> Route:
    return Route(name, routing_key=name)  # type: ignore[no-untyped-call]


class Queue:
    """Sends work ids. Safe to share between threads."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, work_id: str, urgent: bool) -> None:
        """Hand a work to the workers. A failure is only logged: the reaper sends it again."""
        try:
            self._app.send_task(TASK, [work_id], queue=URGENT if urgent else BULK, retry=False)
        except (KombuError, OperationalError, OSError) as error:
            log.warning("work=%s not handed to the broker yet: %s", work_id, error)


class Channel(filesystem.Channel):
    """One file a message, named so that the names sort by age: TIME_ID.QUEUE.msg."""

    def _put(  # type: ignore[override]  # the two classes above name it differently
        self, queue: str, payload: dict[str, Any], **_: Any
    ) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020}_{uuid.uuid4().hex}"
        draft = folder / f"{name}.draft"
        draft.write_text(dumps(payload))  # type: ignore[no-untyped-call]
        draft.rename(folder / f"{name}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:  # noqa: ARG002
        folder = Path(self.data_folder_in)
        ending = f".{queue}.msg"
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries if entry.name.endswith(ending))
        except OSError as error:  # away for now; a worker outlives that
            raise Empty from error
        for name in names:
            taken = folder / f"{name}.taken"
            try:
                (folder / name).rename(taken)  # of several workers, one succeeds
            except FileNotFoundError:
                continue
            payload = _payload(taken)
            taken.unlink(missing_ok=True)
            if payload is not None:
                return payload
        raise Empty

    def _lookup(self, exchange: str, routing_key: str, default: str | None = None) -> list[str]:
        return [routing_key or default or exchange]

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Nothing to remember: see _lookup."""

    def get_table(self, exchange: str) -> list[Any]:  # noqa: ARG002
        return []


def _payload(path: Path) -> dict[str, Any] | None:
    """The message in a file; None if it is none, such as one that a power cut left empty.

    Its job is sent again by the reaper.
    """
    try:
        payload = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        payload = None
    if isinstance(payload, dict) and isinstance(payload.get("properties"), dict):
        return payload
    log.warning("a message in the spool cannot be read; it is dropped")
    return None


class Transport(filesystem.Transport):
    """Looks for messages now and then, and for a reason to stop between looks."""

    Channel = Channel
    driver_name = SCHEME

    def drain_events(  # type: ignore[override]  # the two classes above name it differently
        self, connection: Any, timeout: float | None = None
    ) -> None:
        drain: Any = super().drain_events
        drain(connection, timeout=min(timeout or TURN_S, TURN_S))
