"""A broker made of files in one folder, for a machine with no broker of its own.

kombu's filesystem transport without its steps that are not atomic: there, a message or a table of
exchanges can be read while it is being written, which ends the reader, and messages are taken by
way of /tmp. A message goes to the queue that its routing key names, so there are no tables.
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

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

SCHEME = "spool"
TURN_S = 0.5  # Celery looks every two seconds whether it should stop; people wait for that

log = logging.getLogger(__name__)


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


def register() -> None:
    """Make spool:// a broker URL."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
