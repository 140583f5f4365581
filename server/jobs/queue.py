"""Celery carries work ids to whichever worker is free; what they mean is in the database.

A message may be lost or doubled without harm: the reaper sends ids again, and a claim succeeds
once. So messages are acknowledged early and nothing of them is kept.
"""

from __future__ import annotations

import logging

from celery import Celery
from kombu.entity import Queue as Route
from kombu.exceptions import KombuError, OperationalError

from server.config import Settings
from server.jobs import spool
from server.jobs.folders import Folders

TASK = "check"
URGENT, BULK = "urgent", "bulk"  # in the order in which a worker looks into them
POLL_S = 0.04  # how often a worker looks for files, idle or full: four starts in each pause

log = logging.getLogger(__name__)


def make_celery(settings: Settings) -> Celery:
    """The Celery app of web and worker processes; connects to nothing yet."""
    spool.register()
    broker = settings.broker_url or f"{spool.SCHEME}://localhost"
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
