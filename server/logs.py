"""How the processes of the service write their logs: one line an event, to standard error."""

from __future__ import annotations

import logging
from typing import TextIO

FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Set up the root logger of this process; libraries are heard from `warning` up."""
    logging.basicConfig(
        level=level, format=FORMAT, datefmt="%Y-%m-%d %H:%M:%S", stream=stream, force=True
    )
    for name in ("celery", "kombu", "amqp", "gunicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Celery says at every start that the connection has no host name; files need none.
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)
