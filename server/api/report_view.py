"""A verdict in the words, numbers and drawings that a report shows. Decides nothing."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from server.api.report_lane import clock, lane_of, level_of
from server.jobs.records import Kind
from server.terms import SHAPES, UNJUDGED, Level
from server.words import Words

FEW = 2  # faces: up to this number they are shown like the others
RARE = 0.01  # of such videos are fake, for the sentence on what a flag is worth
COLUMNS = ("face", "label", "t", "p_fake", "x", "y", "width", "height")


@dataclass(frozen=True, slots=True)
class Check:
    """The check that a report is about; `id` is empty where no service keeps it.

    `source`: the address, or the file's name. `checked_at`: Unix seconds. `picture`: the JPEG of a
    face's moment, by the face's number, the moment's and the kind; None if there is none.
    """

    id: str
    kind: Kind
    source: str
    checked_at: float | None
    verdict: dict[str, Any]
    picture: Callable[[int, int, str], bytes | None]


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
    hundred: list[str]  # what the evidence is worth where fakes are rare and where not
    next: list[tuple[str, dict[str, str]]]  # what to do, with addresses to open
    worth: list[str]
    estimate: str
    faces: list[dict[str, Any]]
    folded: list[dict[str, Any]]
    facts: list[tuple[str, str]]
    settings: list[tuple[str, str]]
    made: list[tuple[str, str]]
    saved: dict[str, str]

    @classmethod
    def of(cls, check: Check, version: str, words: Words) -> View:
        verdict = check.verdict
        model = verdict["model"]
        shown, folded = _crowd(verdict["faces"])
        options = verdict["options"].items()
        return cls(
            id=check.id,
            title=check.source or words.say("report_unnamed"),
            verdict=verdict,
            text=_finding(verdict, verdict.get("basis"), words),
            declared=[words.declaration(said) for said in _declarations(verdict)],
            declared_note=_declared_note(verdict, words),
            judged_by=words.say("judged_by", model["name"], model["sha256"][:12]),
            hundred=words.worth(verdict.get("lr")),
            next=words.next(verdict),
            worth=list(_worth(verdict, words)),
            estimate=words.say("estimate"),
            faces=[_face(face, check, words) for face in shown],
            folded=[_face(face, check, words) for face in folded],
            facts=list(_facts(check, words)),
            settings=[(name, _shown(value, words)) for name, value in options],
            made=list(_made(verdict, version, words)),
            saved={
                "name": name_of(check),
                "json": _data("application/json", json.dumps(verdict).encode()),
                "csv": _data("text/csv", csv_of(verdict).encode()),
            },
        )


def name_of(check: Check) -> str:
    """What a saved report is called, without the ending: by its check, else by its media."""
    return f"mesoscope-{(check.id or check.verdict['media']['sha256'])[:8]}"


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


def _crowd(faces: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The faces to show, and those of a crowd to fold (extension/src/verdict/crowd.js)."""
    folded = [
        face
        for face in faces
        if face["label"] == "inconclusive" and not UNJUDGED.isdisjoint(face["reasons"])
    ]
    if len(folded) <= FEW:
        return faces, []
    return [face for face in faces if face not in folded], folded


def _finding(found: dict[str, Any], basis: dict[str, Any] | None, words: Words) -> dict[str, str]:
    """A label in words, of the media or of a face."""
    say, label = words.say, found["label"]
    name: Level = "suspicious" if found.get("level") == "suspicious" else label
    covers = basis["covers"] if label == "real" and basis else None
    return {
        "label": label,
        "shape": SHAPES.get(name, ""),
        "words": say("label_real_of", words.kinds(covers)) if covers else say(f"label_{name}"),
        "meaning": say(f"meaning_{name}"),
        "evidence": _evidence(found, words),
        "reasons": " ".join(words.reason(reason, found, clock) for reason in found["reasons"]),
    }


def _evidence(found: dict[str, Any], words: Words) -> str:
    """How strong the evidence is, or the probability of a verdict of schema 1; empty without."""
    if "level" not in found:
        return _probability(found["p_fake"], found.get("interval"), words)
    text = words.support(found["support"])
    return f"{text}." if text else ""


def _probability(p_fake: float | None, interval: list[float] | None, words: Words) -> str:
    if p_fake is None:
        return ""
    if interval is None:
        return words.say("probability", words.percent(p_fake)) + "."
    shares = map(words.percent, (p_fake, *interval))
    return words.say("probability_interval", *shares) + "."


def _declarations(verdict: dict[str, Any]) -> list[dict[str, Any]]:
    """What the file declares of its origin; none of a verdict that was made before it was read."""
    provenance: dict[str, Any] = verdict.get("provenance") or {"declarations": []}
    return list(provenance["declarations"])


def _declared_note(verdict: dict[str, Any], words: Words) -> str:
    """What holds of all that is declared, or of nothing; empty where it was not read."""
    provenance = verdict.get("provenance")
    if not provenance:
        return ""
    missing = "declared_unreadable" if provenance["state"] == "unreadable" else "declared_none"
    return words.say("declared_note" if provenance["declarations"] else missing)


def _worth(verdict: dict[str, Any], words: Words) -> Iterator[str]:
    """What is behind the evidence, and what people reach without it."""
    say = words.say
    basis: dict[str, Any] | None = verdict.get("basis")
    if basis is None:
        yield from _worth_of_flag(verdict, words)
        return
    if basis["blind_to"]:
        yield say("blind_to", words.kinds(basis["blind_to"]))
    people, found = basis["people"], basis["guarantee"]
    yield say("worth_people", str(people["genuine"]), str(people["manipulated"]))
    share = say("percent", words.decimal(100 * found["flagged_at_most"], 1))
    yield say("worth_guarantee", str(found["people"]), str(found["flagged"]), share)
    yield words.viewers()


def _worth_of_flag(verdict: dict[str, Any], words: Words) -> Iterator[str]:
    """What a flag is worth, as far as it was measured, of a verdict without likelihood ratios."""
    rates = verdict["model"]["rates"]
    if rates is None:
        return
    right, wrong = RARE * rates["flags_fake"], (1 - RARE) * rates["flags_real"]
    if verdict["label"] == "fake" and right + wrong > 0:
        yield words.say("worth_flag", f"{100 * right / (right + wrong):.0f}")
    shares = map(words.percent, (rates["flags_fake"], rates["flags_real"]))
    yield words.say("scope_measured", words.part(rates["part"]), *shares)
    yield words.viewers()


def _face(face: dict[str, Any], check: Check, words: Words) -> dict[str, Any]:
    verdict = check.verdict
    model, say, percent = verdict["model"], words.say, words.percent
    scored = [sample for sample in face["samples"] if sample["p_fake"] is not None]
    return {
        "id": face["id"],
        "text": _finding(face, verdict.get("basis"), words),
        "scores": [
            f"{name}: {say('score', percent(p))}" for name, p in face.get("scores", {}).items()
        ],
        "span": say("seen", clock(face["start_s"]), clock(face["end_s"]))
        if verdict["media"]["kind"] == "video"
        else "",
        "lane": lane_of(scored, verdict, words) if len(scored) > 1 else None,
        "samples": [
            (clock(sample["t"]), say(f"level_{level_of(sample['p_fake'], model)}"),
             percent(sample["p_fake"]))
            for sample in scored
        ],
        "moments": [
            {
                "time": clock(moment["t"]),
                "regions": words.regions(moment["regions"] or ()),
                **{
                    kind: _data("image/jpeg", jpeg)
                    for kind in ("face", "evidence")
                    if (jpeg := check.picture(face["id"], number, kind))
                },
            }
            for number, moment in enumerate(face["moments"])
        ],
    }  # fmt: skip


def _facts(check: Check, words: Words) -> Iterator[tuple[str, str]]:
    media, say = check.verdict["media"], words.say
    if check.source:
        yield say("address" if check.kind == "url" else "file"), check.source
    yield say("fact_kind"), say(f"kind_{media['kind']}")
    yield say("fact_size"), f"{media['width_px']} x {media['height_px']} px"
    if media["duration_s"] is not None:
        yield say("fact_length"), clock(media["duration_s"])
    yield say("fact_span"), say("span", *map(clock, media["analyzed_s"]))
    yield say("fact_pictures"), str(len(media["sampled_s"]))
    yield say("fact_sha256"), media["sha256"]
    if check.checked_at is not None:
        yield (
            say("fact_checked"),
            datetime.fromtimestamp(check.checked_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )


def _made(verdict: dict[str, Any], version: str, words: Words) -> Iterator[tuple[str, str]]:
    model, detector, say = verdict["model"], verdict["detector"], words.say
    yield say("app_name"), version
    yield say("fact_model"), f"{model['name']} ({model['backend']})"
    yield say("fact_model_sha256"), model["sha256"]
    yield say("fact_fake_at"), say("from_up", f"{model['fake_at']:.3f}")
    yield say("fact_real_at"), say("from_down", f"{model['real_at']:.3f}")
    yield say("fact_detector_sha256", detector["name"]), detector["sha256"]
    yield from verdict["versions"].items()


def _shown(value: object, words: Words) -> str:
    return words.say("span_end") if value is None else str(value)


def _data(media_type: str, content: bytes) -> str:
    """A `data:` address, so that nothing needs to be fetched."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
