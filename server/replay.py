"""Does a report hold? The check is repeated with its options, and both answers are compared.

On the same software and kind of processor, everything but the time taken must be equal. Elsewhere
sums are rounded otherwise: there the labels must be equal, and each P(fake) within ROUNDING. Where
the same network is here in another precision only, P(fake) must be within PRECISION. A browser
reads the same JPEGs a little differently: there P(fake) must be within DECODING.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from models import registry
from server.errors import BadValue, NotFound
from server.faults import faults
from server.verdict_schema import shape_of

EXACT = 1e-6
ROUNDING = 0.02
PRECISION = 0.1  # of single crops, 8-bit weights are off by up to 0.05: models/cards/meso3.md
DECODING = 0.05  # colours between a JPEG's samples are filled in otherwise: up to 0.04 was seen
IN_BROWSER = "litert.js"  # the backend of such reports: extension/src/local/analyze.js
MAX_BYTES = 64_000_000  # of a report; the longest has about a tenth of that
# Where the report in HTML holds the verdict, with < as \u003c.
IN_HTML = re.compile(
    rb'<script type="application/json" id="verdict-json">(.*?)</script>', re.DOTALL
)
OF_THE_CHECK = frozenset({"id", "links"})  # what an answer holds beside the verdict
# What may differ: how long it took, what it ran on, and whose signatures are known by now.
NOT_COMPARED = frozenset({"timing_s", "versions", "provenance"})


class CannotReplay(BadValue):
    """The report cannot be checked here, for the reason that `detail` gives."""

    code, title = "cannot-replay", "The report cannot be checked here"


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact in which report and replay differ; both values in a reader's form."""

    what: str
    report: str
    replay: str


def read_report(path: Path) -> dict[str, Any]:
    """The verdict in a file that holds one: its JSON, a job's, the answer of a check, or a report
    in HTML. Raises CannotReplay or NotFound."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES)
        within = IN_HTML.search(text)
        data = json.loads(within[1] if within else text)
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise CannotReplay(f"{path} is neither the JSON nor the HTML of a report.") from error
    verdict = data.get("result") if isinstance(data, dict) and "result" in data else data
    if isinstance(verdict, dict):
        verdict = {name: value for name, value in verdict.items() if name not in OF_THE_CHECK}
    try:
        shape_of(verdict).model_validate(verdict, strict=True)
    except ValidationError as error:
        where, (what, *_) = next(iter(faults(error).items()))
        raise CannotReplay(f"{path} holds no verdict: {where or 'all of it'} {what}.") from error
    return cast(dict[str, Any], verdict)


def require_same(report: dict[str, Any], file: Path) -> None:
    """Raise CannotReplay unless `report` is about `file` and was made by networks that are here."""
    try:
        with file.open("rb") as media:
            sha256 = hashlib.file_digest(media, "sha256").hexdigest()
    except OSError as error:
        raise NotFound(f"{file} cannot be read.") from error
    if sha256 != report["media"]["sha256"]:
        raise CannotReplay(
            f"It is about another file: SHA-256 {report['media']['sha256']}, not {sha256}."
        )
    for kind in ("model", "detector"):
        name, used = report[kind]["name"], report[kind]["sha256"]
        try:
            spec = registry.spec(name)
        except registry.RegistryError as error:
            raise CannotReplay(f"Its {kind} is not here: {error}.") from error
        whole = spec.task == "detect"
        known = {spec.sha256} if whole else {entry.sha256 for entry in spec.files.values()}
        if used not in known:
            raise CannotReplay(f"Its {kind}, {name} {used}, is not the one that is here.")


def options(report: dict[str, Any]) -> dict[str, Any]:
    """With which the check is made again; an answer of an earlier schema by its own rules."""
    return {**report["options"], "schema_version": report["schema"]}


def tolerance(report: dict[str, Any], replay: dict[str, Any]) -> float:
    """By how much a P(fake) may differ: not at all where both were computed alike."""
    if report["model"]["sha256"] != replay["model"]["sha256"]:
        return PRECISION
    if report["model"]["backend"] == IN_BROWSER:
        return DECODING
    # What other checks ask at the same time decides how the full networks' sums are rounded.
    alike = report["model"]["backend"] == replay["model"]["backend"] == "tflite"
    return EXACT if alike and report["versions"] == replay["versions"] else ROUNDING


def differences(report: dict[str, Any], replay: dict[str, Any]) -> list[Difference]:
    """The facts in which report and replay differ; empty where the report holds."""
    allowed = tolerance(report, replay)
    if allowed == EXACT:
        return list(_unequal("", _compared(report), _compared(replay)))
    return list(_unlike(report, replay, allowed))


def _compared(verdict: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in verdict.items() if key not in NOT_COMPARED}
    # Whether a download was cut short cannot be seen in the file.
    return {**rest, "reasons": [r for r in verdict["reasons"] if r != "cut-short"]}


def _unequal(what: str, report: Any, replay: Any) -> Iterator[Difference]:
    """Every place in two JSON values at which they are not equal; a later version may tell more."""
    if isinstance(report, dict) and isinstance(replay, dict) and report.keys() <= replay.keys():
        for key in report:
            yield from _unequal(f"{what}.{key}".lstrip("."), report[key], replay[key])
    elif isinstance(report, list) and isinstance(replay, list) and len(report) == len(replay):
        for number, pair in enumerate(zip(report, replay, strict=True)):
            yield from _unequal(f"{what}[{number}]", *pair)
    elif not _is_close(report, replay, EXACT):
        yield Difference(what, _short(report), _short(replay))


def _unlike(report: dict[str, Any], replay: dict[str, Any], allowed: float) -> Iterator[Difference]:
    """What matters and differs: the media and times, the thresholds, how many faces, their labels,
    and P(fake) by more than `allowed`."""
    media = replay["media"]
    if report["media"]["duration_s"] is None:  # of a live stream, of which the file keeps a part
        media = {**media, "duration_s": None}
    yield from _unequal("media", report["media"], media)
    yield from _unequal("basis", report.get("basis"), replay.get("basis"))
    for fact in ("fake_at", "real_at", "rates"):
        yield from _unequal(f"model.{fact}", report["model"][fact], replay["model"][fact])
    pairs = [("", report, replay)]
    if len(report["faces"]) == len(replay["faces"]):
        faces = zip(report["faces"], replay["faces"], strict=True)
        pairs += [(f"faces[{n}].", *pair) for n, pair in enumerate(faces)]
    else:
        yield Difference("faces", str(len(report["faces"])), str(len(replay["faces"])))
    for where, said, found in pairs:
        for name in ("label", "level"):
            if said.get(name) != found.get(name):
                yield Difference(f"{where}{name}", str(said.get(name)), str(found.get(name)))
        if not _is_close(said["p_fake"], found["p_fake"], allowed):
            yield Difference(f"{where}p_fake", _short(said["p_fake"]), _short(found["p_fake"]))


def _is_close(one: Any, other: Any, allowed: float) -> bool:
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (one, other))
    return abs(one - other) <= allowed if numbers else type(one) is type(other) and one == other


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
