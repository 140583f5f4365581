"""A worker's hold on one attempt: the lease it renews, and the progress it writes down."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from server.jobs.leases import LEASE_S, Leases
from server.jobs.records import Work
from server.processes.messages import Progress

RENEW_S = LEASE_S / 5
OUTAGE_S = 60.0
WRITE_S = 0.5  # progress is written down at most this often

T = TypeVar("T")
log = logging.getLogger(__name__)


class LostWork(Exception):
    """This worker lost the work: the work was dropped, or another worker took it over."""


class LeaseKeeper:
    """Keeps the lease of one attempt and writes its progress; raises LostWork when it is lost."""

    def __init__(self, leases: Leases, work: Work, owner: str) -> None:
        self._leases = leases
        self._work_id = work.id
        self._owner = owner
        self._stage = work.stage
        self._news: Progress | None = None
        self._written_at = time.monotonic()

    def progress(self, news: Progress) -> None:
        """Keep the child's report of its progress; a new stage or verdict is written at once."""
        if news.stage != self._stage or news.partial is not None:
            self._stage = news.stage
            self._written_at = 0.0
        if self._news and news.partial is None:
            news = replace(news, partial=self._news.partial)
        self._news = news

    def keep(self) -> None:
        """Call often: looks whether the work is still ours, and writes when it is time to."""
        age = time.monotonic() - self._written_at
        if age > (WRITE_S if self._news else RENEW_S):
            ours = retry_outage(self._renew)
            self._written_at, self._news = time.monotonic(), None
        else:
            ours = retry_outage(lambda: self._leases.owns(self._work_id, self._owner))
        if not ours:
            raise LostWork

    def _renew(self) -> bool:
        news = self._news
        if news is None:
            return self._leases.renew(self._work_id, self._owner)
        return self._leases.renew(
            self._work_id,
            self._owner,
            stage=news.stage,
            progress=news.progress,
            partial=news.partial,
        )


def retry_outage(ask: Callable[[], T]) -> T:
    """Ask the database through an outage; after OUTAGE_S, raise LostWork.

    Deliberately longer than the lease: a write by a worker that lost its lease matches no row.
    """
    deadline = time.monotonic() + OUTAGE_S
    while True:
        try:
            return ask()
        except SQLAlchemyError as error:
            log.warning("the database does not answer: %s", getattr(error, "orig", error))
            if time.monotonic() > deadline:
                raise LostWork from error
        time.sleep(1.0)
