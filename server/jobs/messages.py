"""What a child may say: its lines are data from a stranger, as a file may have taken it over.

Each line becomes one of the types below, every value of which was looked at, or nothing. None of
them names a job, a file outside of the attempt's scratch folder, or a column of a table.
"""

from __future__ import annotations

import base64
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from server.errors import AppError, kinds
from server.jobs.verdict_schema import shape_of

STAGES = ("fetch", "faces", "scores")  # of a check that runs
MOST_PICTURES = 100
MOST_JPEG_BYTES = 1_000_000
MOST_FACES, MOST_MOMENTS = 1_000_000, 100
PICTURE_KINDS = ("face", "evidence", "frame")
MAX_DETAIL = 1000  # characters
START_OF_JPEG = b"\xff\xd8"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check has come, as a fraction of the whole; `partial`: the verdict so far."""

    stage: str
    progress: float
    partial: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The download is there: its name in the scratch folder, None if it is only a beginning.

    True of the first one only: it is said before the first byte of the media is decoded.
    """

    file: str | None


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """What came instead of a verdict."""

    error: AppError


Message = Progress | Fetched | Answer | Refusal


class Nonsense(ValueError):
    """A line that no child of ours says."""


def understood(line: dict[str, Any]) -> Message:
    """What a line says. Raises Nonsense, whatever it holds."""
    try:
        match line:
            case {"progress": dict(said)}:
                return _progress(said)
            case {"media": {"file": str() | None as file}}:
                return Fetched(file)
            case {"result": dict(result)}:
                return Answer(_verdict(result), _pictures(line.get("pictures", [])))
            case {"error": dict(error)}:
                return Refusal(_error(error))
    except Nonsense:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Nonsense(f"of an odd shape: {type(error).__name__}") from error
    raise Nonsense("neither progress nor an answer")


def heard(lines: Iterable[dict[str, Any]], work_id: str) -> Iterator[Message]:
    """What the lines of a check say; nonsense, which no honest child says, is its last word."""
    for line in lines:
        try:
            yield understood(line)
        except Nonsense as error:
            log.warning("work=%s its child said nonsense: %s", work_id, error)
            yield Refusal(AppError())
            return


def _progress(said: dict[str, Any]) -> Progress:
    stage, fraction, partial = said["stage"], said["progress"], said.get("partial")
    if stage not in STAGES:
        raise Nonsense("no stage of a check")
    if type(fraction) not in (int, float) or not math.isfinite(fraction) or not 0 <= fraction <= 1:
        raise Nonsense("no fraction")
    return Progress(stage, float(fraction), None if partial is None else _verdict(partial))


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
    return kind("".join(sign if sign.isprintable() else " " for sign in detail)[:MAX_DETAIL])
