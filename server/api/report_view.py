"""A verdict in the words, numbers and drawings that a report shows. Decides nothing."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from server.jobs.records import Job
from server.jobs.store import Store

# What is said to people is said in one place: the extension's catalogue, which the page uses too.
WORDS = Path(__file__).parents[2] / "extension/src/_locales/en/messages.json"
SHAPES = {"fake": "▲", "real": "●", "inconclusive": "◆", "no-face": "○"}
RARE = 0.01  # of such videos are fake, for the sentence that says what a flag is worth
JOIN_S = 1.5  # samples farther apart are not joined: the face may have been away in between
WIDTH, HEIGHT, EDGE = 640, 72, 6
HOLDING = (None, "trusted", "unknown")  # seals of which a statement is left
COLUMNS = ("face", "label", "t", "p_fake", "x", "y", "width", "height")


@dataclass(frozen=True, slots=True)
class Lane:
    """P(fake) over time as a drawing: the bounds as heights, lines and dots in its own pixels."""

    width: int
    height: int
    bounds: list[float]
    curves: list[str]
    dots: list[tuple[float, float, str, str]]  # x, y, level, what it says


@dataclass(frozen=True, slots=True)
class View:
    """What the template shows; see there."""

    id: str
    title: str
    verdict: dict[str, Any]
    text: dict[str, str]
    declared: list[tuple[str, str]]  # what is claimed of the origin, and what that is worth
    declared_note: str
    judged_by: str
    worth: list[str]
    estimate: str
    faces: list[dict[str, Any]]
    facts: list[tuple[str, str]]
    settings: list[tuple[str, str]]
    made: list[tuple[str, str]]
    saved: dict[str, str]

    @classmethod
    def of(cls, job: Job, store: Store, version: str) -> View:
        verdict: dict[str, Any] = job.result or {}
        return cls(
            id=job.id,
            title=job.source or "A file without a name",
            verdict=verdict,
            text=_finding(verdict),
            declared=list(_declared(verdict)),
            declared_note=_declared_note(verdict),
            judged_by=say("judged_by", verdict["model"]["name"], verdict["model"]["sha256"][:12]),
            worth=list(_worth(verdict)),
            estimate=say("estimate"),
            faces=[_face(face, verdict, job, store) for face in verdict["faces"]],
            facts=list(_facts(verdict["media"], job)),
            settings=[(name, _shown(value)) for name, value in verdict["options"].items()],
            made=list(_made(verdict, version)),
            saved={
                "name": f"mesoscope-{job.id[:8]}",
                "json": _data("application/json", json.dumps(verdict).encode()),
                "csv": _data("text/csv", csv_of(verdict).encode()),
            },
        )


def csv_of(verdict: dict[str, Any]) -> str:
    """Every sample on a line: a face's number and label, seconds, P(fake), its box as fractions.

    Nothing that a stranger wrote stands in it, so no program takes a cell for a formula.
    """
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for face in verdict["faces"]:
        for sample in face["samples"]:
            rows.writerow(
                [face["id"], face["label"], sample["t"], sample["p_fake"], *sample["box"]]
            )
    return text.getvalue()


@cache
def _catalogue() -> dict[str, str]:
    return {key: entry["message"] for key, entry in json.loads(WORDS.read_text()).items()}


def say(key: str, *values: str) -> str:
    """The message, with `$1`, `$2` filled in; the key itself where there is none."""
    text = _catalogue().get(key.replace("-", "_"), key)
    for place, value in enumerate(values, 1):
        text = text.replace(f"${place}", value)
    return text


def percent(p: float) -> str:
    """A probability, never shown as more certain than it is."""
    if p > 0.99:
        return say("over", "99%")
    return say("under", "1%") if p < 0.01 else f"{p:.0%}"


def clock(seconds: float) -> str:
    """Minutes and seconds with tenths, as 1:02.5."""
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, tenths = divmod(rest, 600)
    if hours:
        return f"{hours}:{minutes:02}:{tenths / 10:04.1f}"
    return f"{minutes}:{tenths / 10:04.1f}"


def _finding(found: dict[str, Any]) -> dict[str, str]:
    """A label in words, of the media or of a face."""
    label, p_fake = found["label"], found["p_fake"]
    return {
        "label": label,
        "shape": SHAPES.get(label, ""),
        "words": say(f"label_{label}"),
        "meaning": say(f"meaning_{label}"),
        "probability": _probability(p_fake, found.get("interval")),
        "reasons": " ".join(say(f"reason_{reason}") for reason in found["reasons"]),
    }


def _probability(p_fake: float | None, interval: list[float] | None) -> str:
    if p_fake is None:
        return ""
    if interval is None:
        return say("probability", percent(p_fake)) + "."
    return say("probability_interval", percent(p_fake), *map(percent, interval)) + "."


def _declared(verdict: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """As extension/src/view/declared.js has it."""
    for said in (verdict.get("provenance") or {}).get("declarations", []):
        claim = " · ".join(say(f"declared_{each}") for each in said["claims"])
        if not claim and said["seal"] in HOLDING:
            claim = say("declared_no_claim")
        signer = said["signer"] or say("declared_nameless")
        form = (
            say(f"seal_{said['seal']}", signer) if said["seal"] else say(f"source_{said['source']}")
        )
        yield claim, f"{form} {say('declared_by', said['by'])}" if said["by"] else form


def _declared_note(verdict: dict[str, Any]) -> str:
    """What holds of all that is declared, or of nothing; empty where it was not read."""
    provenance = verdict.get("provenance")
    if not provenance:
        return ""
    missing = "declared_unreadable" if provenance["state"] == "unreadable" else "declared_none"
    return say("declared_note" if provenance["declarations"] else missing)


def _worth(verdict: dict[str, Any]) -> Iterator[str]:
    """What a flag is worth where fakes are rare, as far as it was measured."""
    rates = verdict["model"]["rates"]
    if rates is None:
        return
    right, wrong = RARE * rates["flags_fake"], (1 - RARE) * rates["flags_real"]
    if verdict["label"] == "fake" and right + wrong > 0:
        yield say("worth_flag", f"{100 * right / (right + wrong):.0f}")
    shares = (f"{rates['flags_fake']:.0%}", f"{rates['flags_real']:.1%}")
    yield f"{say('worth_measured', *shares)} Measured on: {rates['part']}."


def _face(face: dict[str, Any], verdict: dict[str, Any], job: Job, store: Store) -> dict[str, Any]:
    model = verdict["model"]
    scored = [sample for sample in face["samples"] if sample["p_fake"] is not None]
    return {
        "id": face["id"],
        "text": _finding(face),
        "span": say("seen", clock(face["start_s"]), clock(face["end_s"]))
        if verdict["media"]["kind"] == "video"
        else "",
        "lane": _lane(scored, verdict) if len(scored) > 1 else None,
        "samples": [
            (clock(sample["t"]), say(f"level_{_level(sample['p_fake'], model)}"),
             percent(sample["p_fake"]))
            for sample in scored
        ],
        "moments": [
            {
                "time": clock(moment["t"]),
                "probability": percent(moment["p_fake"]),
                "regions": ", ".join(moment["regions"] or ()),
                **{
                    kind: _data("image/jpeg", jpeg)
                    for kind in ("face", "evidence")
                    if (jpeg := store.picture(job.id, face["id"], number, kind))
                },
            }
            for number, moment in enumerate(face["moments"])
        ],
    }  # fmt: skip


def _lane(scored: list[dict[str, Any]], verdict: dict[str, Any]) -> Lane:
    media, model = verdict["media"], verdict["model"]
    start_s = min(media["analyzed_s"][0], scored[0]["t"])
    span_s = max(media["analyzed_s"][1], scored[-1]["t"], start_s + 0.001) - start_s

    def x(t: float) -> float:
        return float(round(EDGE + (WIDTH - 2 * EDGE) * (t - start_s) / span_s, 1))

    def y(p: float) -> float:
        return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * p, 1)

    stretches: list[list[dict[str, Any]]] = []
    for sample in scored:
        if not stretches or sample["t"] - stretches[-1][-1]["t"] > JOIN_S:
            stretches.append([])
        stretches[-1].append(sample)
    return Lane(
        WIDTH,
        HEIGHT,
        bounds=[y(model["fake_at"]), y(model["real_at"])],
        curves=[" ".join(f"{x(s['t'])},{y(s['p_fake'])}" for s in part) for part in stretches],
        dots=[
            (x(s["t"]), y(s["p_fake"]), _level(s["p_fake"], model),
             f"{clock(s['t'])}: {percent(s['p_fake'])}")
            for s in scored
        ],
    )  # fmt: skip


def _level(p_fake: float, model: dict[str, Any]) -> str:
    if p_fake >= model["fake_at"]:
        return "high"
    return "low" if p_fake <= model["real_at"] else "middle"


def _facts(media: dict[str, Any], job: Job) -> Iterator[tuple[str, str]]:
    if job.source:
        yield ("Address" if job.kind == "url" else "File", job.source)
    yield "Kind", say(f"kind_{media['kind']}")
    yield "Size", f"{media['width_px']} by {media['height_px']} px"
    if media["duration_s"] is not None:
        yield "Length", clock(media["duration_s"])
    yield "Looked at", say("span", *map(clock, media["analyzed_s"]))
    yield "Pictures looked at", str(len(media["sampled_s"]))
    yield "SHA-256", media["sha256"]
    if job.checked_at is not None:
        yield "Checked", datetime.fromtimestamp(job.checked_at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _made(verdict: dict[str, Any], version: str) -> Iterator[tuple[str, str]]:
    model, detector = verdict["model"], verdict["detector"]
    yield "Mesoscope", version
    yield f"Classifier {model['name']} ({model['backend']}), SHA-256", model["sha256"]
    yield "Called manipulated", f"from {model['fake_at']:.3f} up"
    yield "Called free of signs", f"from {model['real_at']:.3f} down"
    yield f"Face detector {detector['name']}, SHA-256", detector["sha256"]
    yield from verdict["versions"].items()


def _shown(value: object) -> str:
    return "to the end" if value is None else str(value)


def _data(media_type: str, content: bytes) -> str:
    """A `data:` address, so that nothing needs to be fetched."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
