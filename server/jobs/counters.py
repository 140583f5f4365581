"""What was done so far, added up in the database, so that any web process can tell.

The sums outlive the checks that they count; one that many asked for counts once. A worker adds up
its own and writes them down with its sign of life: at the end of each check, all workers would
queue for the same few rows. One that is killed takes the sums of its last two seconds with it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import sqlite

from server.errors import kinds
from server.jobs.tables import counters

JOBS, FACES, FACE_PICTURES, FRAMES = "jobs", "faces", "face-pictures", "frames"
SECONDS, BUCKET = "seconds", "bucket"  # of a stage; a bucket's count is without smaller ones
STAGES = ("fetch", "hash", "frames", "faces", "tracks", "scores", "verdict", "pictures")
QUEUED, TOTAL = "queued", "total"  # of a whole check: until it was claimed, until it ended
LONGEST_S = 1e6
BUCKETS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, float("inf"))

Key = tuple[str, str]  # what is counted, and of what kind
Sums = Mapping[Key, float]


def add(connection: Connection, sums: Sums) -> None:
    """Add to what the database holds. In one order, so that two who add never wait in a ring."""
    if not sums:
        return
    insert: Any = sqlite.insert
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # loads its many drivers

        insert = postgresql.insert
    rows = [{"name": name, "kind": kind, "value": sums[name, kind]} for name, kind in sorted(sums)]
    query = insert(counters).values(rows)
    value = counters.c.value + query.excluded.value
    connection.execute(
        query.on_conflict_do_update(index_elements=["name", "kind"], set_={"value": value})
    )


def read(connection: Connection) -> dict[Key, float]:
    return {(row.name, row.kind): row.value for row in connection.execute(select(counters))}


class Tally:
    """The sums of this process that are not written down yet. Safe to share between threads."""

    def __init__(self) -> None:
        self._sums: dict[Key, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[Sums]:
        """The sums, to write down; they are ours again if that fails."""
        with self._lock:
            sums, self._sums = self._sums, defaultdict(float)
        try:
            yield sums
        except BaseException:
            self._add(sums)
            raise

    def claimed(self, waited_s: float) -> None:
        self._add(_time(QUEUED, waited_s))

    def ended(self, outcome: str, after_s: float) -> None:
        """`outcome`: done, or the answer of failed()."""
        self._add({(JOBS, outcome): 1, **_time(TOTAL, after_s)})

    def analyzed(self, result: Mapping[str, Any]) -> None:
        """Sums over a verdict's JSON form. A verdict of an odd shape is not counted."""
        sums: dict[Key, float] = {}
        with suppress(TypeError, ValueError, KeyError, AttributeError):
            sums[FACES, ""] = len(result["faces"])
            sums[FACE_PICTURES, ""] = sum(len(face["samples"]) for face in result["faces"])
            sums[FRAMES, ""] = len(result["media"]["sampled_s"])
            for stage, seconds in result["timing_s"].items():
                if stage in STAGES and 0 <= float(seconds) < LONGEST_S:
                    sums |= _time(stage, float(seconds))
            self._add(sums)

    def _add(self, sums: Sums) -> None:
        with self._lock:
            for key, amount in sums.items():
                self._sums[key] += amount


def failed(error: Mapping[str, Any]) -> str:
    """The outcome of a check that met this error."""
    return f"failed {error['code'] if error['code'] in kinds() else 'other'}"


def _time(stage: str, seconds: float) -> dict[Key, float]:
    """`seconds` may be of a clock that was set back meanwhile."""
    bucket = next(limit for limit in BUCKETS_S if seconds <= limit)
    return {(SECONDS, stage): max(0.0, seconds), (BUCKET, f"{stage} {bucket:g}"): 1}
