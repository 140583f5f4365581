"""How the processes of the service write their logs: one line an event, to standard error.

What we log is written `name=value`; as JSON, these are members of the object. No line holds the
address of a video, nor what stands before the @ of any other address.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

FORMAT = "%(asctime)s %(levelname)-7s %(message)s"
_VALUE = re.compile(r"(?<!\S)([a-z_]+)=(\S+)")
_ADDRESS = re.compile(r"\b(https?)://[^\s'\"<>]+", re.IGNORECASE)
_SECRET = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/'\"]*@", re.IGNORECASE)


def configure(stream: TextIO | None = None, level: int = logging.INFO, form: str = "text") -> None:
    """Set up the root logger of this process; of libraries it takes `warning` and above."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else Lines(FORMAT, "%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("celery", "kombu", "amqp", "gunicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Celery logs at every start that the connection has no host name; files need none.
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)


@contextmanager
def silence() -> Iterator[None]:
    """Drop what libraries write to standard error, where each line is to be one of our log's."""
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def redact(text: str) -> str:
    """Without addresses of the web, and without the names and passwords in others.

    Ours hold none; this is for what libraries say and for tracebacks.
    """
    return _SECRET.sub(r"\1", _ADDRESS.sub(r"\1://...", text))


class Lines(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonLines(logging.Formatter):
    """For programs: one object a line, times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage()
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = dict(_VALUE.findall(said)) | {
            "time": f"{at}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": said,
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: redact(value) for name, value in entry.items()})
