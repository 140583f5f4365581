"""The messages of a child: untrusted data, as a hostile file may have taken the child over.

Each line becomes one of the types below, with every value checked, or nothing. None of
them names a job, a file outside of the download's own folder, or a column of a table.
"""

from __future__ import annotations

import base64
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from server.analysis.provenance.records import Provenance
from server.errors import AppError, kinds
from server.fetch.failures import NOTES, Failure
from server.terms import PictureKind
from server.verdict_schema import shape_of

STAGES = ("faces", "scores")  # of an analysis that runs
MOST_PICTURES = 100
MOST_JPEG_BYTES = 1_000_000
MOST_FACES, MOST_MOMENTS = 1_000_000, 100
PICTURE_KINDS = get_args(PictureKind)
MAX_DETAIL = 1000  # characters
MAX_WORDS, MOST_KINDS = 2000, 100  # of a download that failed
START_OF_JPEG = b"\xff\xd8"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check has come, as a fraction of the whole; `partial`: the verdict so far."""

    stage: str
    progress: float
    partial: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """How much of a download has come, as a fraction."""

    fraction: float


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A download is there: its name in its folder, empty for none; `cut_short`: its beginning."""

    name: str
    cut_short: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """A download is not there."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a guard listens."""

    url: str
    port: int


@dataclass(frozen=True, slots=True)
class Note:
    """What a guard saw: see fetch.failures.Record."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG of a face: its number in the verdict, which of its moments, and what is drawn."""

    face: int
    moment: int
    kind: str
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict in its JSON form, and the pictures that go with it."""

    result: dict[str, Any]
    pictures: tuple[Picture, ...]


Message = Progress | Received | Downloaded | Failed | Proxy | Note | Answer | Provenance


class Nonsense(ValueError):
    """A line that no child of ours writes."""


def from_guard(lines: Iterable[dict[str, Any]]) -> Iterator[Proxy | Note]:
    """A guard's messages; raises AppError, as `_heard` does."""
    return _heard(lines, Proxy, Note)


def from_download(lines: Iterable[dict[str, Any]]) -> Iterator[Received | Downloaded | Failed]:
    """A download's messages; raises AppError, as `_heard` does."""
    return _heard(lines, Received, Downloaded, Failed)


def from_check(lines: Iterable[dict[str, Any]]) -> Iterator[Progress | Answer]:
    """A check's messages; raises AppError, as `_heard` does."""
    return _heard(lines, Progress, Answer)


def from_reader(lines: Iterable[dict[str, Any]]) -> Iterator[Provenance]:
    """A reader's messages; raises AppError, as `_heard` does."""
    return _heard(lines, Provenance)


def _heard(lines: Iterable[dict[str, Any]], *kinds: type[Message]) -> Iterator[Any]:
    """Messages of these kinds.

    Raises the AppError that a line names, and AppError for nonsense, which no honest child writes.
    """
    for line in lines:
        try:
            message = understood(line)
            if not isinstance(message, (AppError, *kinds)):
                raise Nonsense(f"{type(message).__name__} is another child's to say")
        except Nonsense as error:
            log.warning("a child said nonsense: %s", error)
            raise AppError from error
        if isinstance(message, AppError):
            raise message
        yield message


def understood(line: dict[str, Any]) -> Message | AppError:
    """The message in a line. Raises Nonsense for every other content."""
    try:
        return _understood(line)
    except Nonsense:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Nonsense(f"of an odd shape: {type(error).__name__}") from error


def _understood(line: dict[str, Any]) -> Message | AppError:
    match line:
        case {"progress": dict(said)}:
            return _progress(said)
        case {"result": dict(result)}:
            return Answer(_verdict(result), _pictures(line.get("pictures", [])))
        case {"provenance": dict(said)}:
            return Provenance.of(said)
        case {"error": dict(error)}:
            return _error(error)
        case {"received": fraction}:
            return Received(_fraction(fraction))
        case {"file": {"name": str(name), "cut_short": bool(cut_short)}} if _plain(name):
            return Downloaded(name, cut_short)
        case {"failed": dict(said)}:
            return Failed(_failure(said))
        case {"proxy": {"url": str(url), "port": int(port)}} if _is_port(port):
            return Proxy(_line(url), port)
        case {"note": {"kind": str(kind), "text": str(text)}} if kind in NOTES:
            return Note(kind, _line(text))
    raise Nonsense("none of the lines that a child may write")


def _is_port(number: int) -> bool:
    return number is not True and 0 < number < 1 << 16


def _plain(name: str) -> bool:
    """Whether it names a file in a folder; empty: none."""
    return name not in (".", "..") and not set(name) & {"/", "\0"}


def _line(text: str) -> str:
    """One line that can be printed, of bounded length."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:MAX_DETAIL]


def _fraction(said: Any) -> float:
    if type(said) not in (int, float) or not math.isfinite(said) or not 0 <= said <= 1:
        raise Nonsense("no fraction")
    return float(said)


def _failure(said: dict[str, Any]) -> Failure:
    kinds, status = said.get("kinds", []), said.get("status")
    message, stopped = said.get("message", ""), said.get("stopped", "")
    if not isinstance(kinds, list) or not all(type(text) is str for text in (message, stopped)):
        raise Nonsense("no failure")
    return Failure(
        frozenset(str(kind) for kind in kinds[:MOST_KINDS]),
        status if type(status) is int else None,
        message[:MAX_WORDS],
        stopped,
    )


def _progress(said: dict[str, Any]) -> Progress:
    stage, fraction, partial = said["stage"], said["progress"], said.get("partial")
    if stage not in STAGES:
        raise Nonsense("no stage of an analysis")
    return Progress(stage, _fraction(fraction), None if partial is None else _verdict(partial))


def _verdict(said: dict[str, Any]) -> dict[str, Any]:
    """The verdict with what its schema names and nothing else."""
    try:
        return shape_of(said).model_validate(said, strict=True).model_dump(by_alias=True)
    except ValidationError as error:
        raise Nonsense(f"no verdict: {error.error_count()} faults") from None


def _pictures(said: list[dict[str, Any]]) -> tuple[Picture, ...]:
    if len(said) > MOST_PICTURES:
        raise Nonsense("too many pictures")
    pictures = tuple(_picture(each) for each in said)
    if len({(each.face, each.moment, each.kind) for each in pictures}) < len(pictures):
        raise Nonsense("two pictures of the same")
    return pictures


def _picture(said: dict[str, Any]) -> Picture:
    face, moment, kind = said["face"], said["moment"], said["kind"]
    if type(face) is not int or not 0 <= face < MOST_FACES:
        raise Nonsense("no face's number")
    if type(moment) is not int or not 0 <= moment < MOST_MOMENTS or kind not in PICTURE_KINDS:
        raise Nonsense("no moment of a face")
    jpeg = base64.b64decode(said["jpeg"], validate=True)
    if not jpeg.startswith(START_OF_JPEG) or len(jpeg) > MOST_JPEG_BYTES:
        raise Nonsense("no picture")
    return Picture(face, moment, kind, jpeg)


def _error(said: dict[str, Any]) -> AppError:
    """One of ours: a stranger chooses which, and a sentence."""
    kind, detail = kinds().get(said["code"], AppError), said["detail"]
    if not isinstance(detail, str):
        raise Nonsense("no sentence")
    return kind(_line(detail))
