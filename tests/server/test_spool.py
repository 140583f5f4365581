"""The folder of messages: what a power cut left half-written is passed over."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from server.config import Settings
from server.jobs.folders import Folders
from server.jobs.queue import URGENT, Queue, make_celery


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def taken(settings: Settings) -> list[Any]:
    """The arguments of all messages that are there."""
    with make_celery(settings).connection_for_read() as connection:
        channel = connection.default_channel
        found = []
        while message := channel.basic_get(URGENT, no_ack=True):
            found.append(message.payload[0])
        return found


@pytest.mark.attack
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b'{"body": "', b"[]", b"5", b"{}", b"[" * 9999]
)
def test_a_message_that_is_none_is_dropped(
    settings: Settings, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Folders.create(settings.data_dir).spool
    (spool / f"{time.time_ns():020}_x.{URGENT}.msg").write_bytes(content)
    Queue(make_celery(settings)).send("a" * 32, urgent=True)
    assert taken(settings) == [["a" * 32]]
    assert list(spool.iterdir()) == []
    assert "dropped" in caplog.text
