"""From what was seen of a click, and what the service wrote down, to how long each stage took."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from benchmarks.click.watch import Seen

ANALYSIS = ("first look", "frames", "faces", "tracks", "scores")
STAGES = (
    "popup",  # from the click until the check is started
    "capture",  # of what plays
    "request",  # until the service has a job
    "queue",  # until a worker claims it
    "download",
    "fork",  # until the child that checks has begun
    *ANALYSIS,
    "rest",  # of the check: hashes, pictures of faces, the verdict, the last write
    "polling",  # until the extension knows what is known
    "drawing",
)


@dataclass(frozen=True, slots=True)
class Marks:
    """When the service came how far with one check, in seconds since the epoch; None where it did
    not, as with an answer that it knew."""

    created: float
    claimed: float | None = None
    opened: float | None = None  # by the child that checks it
    so_far: float | None = None  # a first verdict that may change
    ended: float | None = None


def marks(log: Iterable[str], created: float) -> Marks:
    """Of the one check since `created`, by the service's log as JSON lines."""
    found: dict[str, float] = {}
    for line in log:
        entry = json.loads(line) if line.startswith("{") else {}
        at = datetime.fromisoformat(entry["time"]).timestamp() if entry else 0.0
        if at < created - 0.001 or "work" not in entry:
            continue
        for name, tells in {
            "claimed": "attempt" in entry,
            "opened": entry.get("stage") == "faces",
            "so_far": entry.get("verdict") == "so-far",
            "ended": " done after=" in entry["message"],
        }.items():
            if tells:
                found.setdefault(name, at)
    return Marks(created, **found)


def until_boxes(seen: Seen, by_service: Marks | None) -> dict[str, float]:
    """Seconds by stage until the first box was drawn."""
    count = next((i for i, each in enumerate(seen.told) if each["partial"]), len(seen.told) - 1)
    told = seen.told[count]
    if by_service is None:
        seen = replace(seen, told=seen.told[: count + 1])
    if told["label"] or by_service is None or by_service.so_far is None:
        return _whole(seen, told["at"], seen.boxes_at, by_service)
    assert by_service.opened is not None
    look = {"first look": by_service.so_far - by_service.opened}
    polling = {"polling": told["at"] - by_service.so_far}
    spent = {**_before(seen, by_service), **look, **polling}
    return _positive({**spent, "drawing": seen.boxes_at - told["at"]})


def until_verdict(seen: Seen, by_service: Marks | None) -> dict[str, float]:
    """Seconds by stage until the verdict was drawn."""
    return _whole(seen, seen.told[-1]["at"], seen.verdict_at, by_service)


def _whole(
    seen: Seen, told_at: float, drawn_at: float, by_service: Marks | None
) -> dict[str, float]:
    drawing = {"drawing": drawn_at - told_at}
    before = _before(seen, by_service)
    if by_service is None:  # it looks while it captures, and both are one
        return _positive({**before, "rest": told_at - _captured(seen), **drawing})
    if by_service.ended is None or by_service.opened is None:
        return _positive({**before, "polling": told_at - by_service.created, **drawing})
    timing = seen.told[-1]["timing_s"]
    spent = {stage: timing[stage] for stage in ANALYSIS if stage in timing}
    rest = by_service.ended - by_service.opened - sum(spent.values())
    polling = told_at - by_service.ended
    return _positive({**before, **spent, "rest": rest, "polling": polling, **drawing})


def _before(seen: Seen, by_service: Marks | None) -> dict[str, float]:
    """The stages before anything is looked at."""
    started, captured = seen.told[-1]["started"], _captured(seen)
    spent = {"popup": started - seen.clicked_at, "capture": captured - started}
    if by_service is None:
        return spent
    spent["request"] = by_service.created - captured
    if by_service.claimed is not None and by_service.opened is not None:
        fetch_s = seen.told[-1]["timing_s"].get("fetch", 0.0)
        spent["queue"] = by_service.claimed - by_service.created
        spent["download"] = fetch_s
        spent["fork"] = by_service.opened - by_service.claimed - fetch_s
    return spent


def _captured(seen: Seen) -> float:
    """When the last picture of what plays was taken; when the check began, if none was."""
    taken = [each["at"] for each in seen.told if each["stage"] == "capture"]
    return max(taken, default=float(seen.told[-1]["started"]))


def _positive(spent: Mapping[str, float]) -> dict[str, float]:
    """Clocks of two programs are read at slightly different moments."""
    return {stage: max(0.0, seconds) for stage, seconds in spent.items()}
