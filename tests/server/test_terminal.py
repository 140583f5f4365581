from __future__ import annotations

import io
from typing import Any, get_args

import pytest
from rich.console import Console

from server import terminal
from server.terms import SHAPES, MediaLabel, Reason
from server.words import words


def printed(verdict: dict[str, Any], encoding: str = "utf-8", width: int = 120) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    terminal.show(verdict, Console(file=stream, width=width, highlight=False))
    stream.flush()
    return raw.getvalue().decode(encoding)


def face(number: int, label: str, **fields: Any) -> dict[str, Any]:
    known = {"p_fake": 0.12, "interval": [0.04, 0.3], "reasons": [], "start_s": 0.0, "end_s": 65.3}
    return {"id": number, "label": label, "samples": [], **known, **fields}


def verdict(label: str, *faces: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "label": label,
        "p_fake": faces[0]["p_fake"] if faces else None,
        "reasons": [],
        "media": {
            "kind": "video",
            "width_px": 1280,
            "height_px": 720,
            "duration_s": 66.0,
            "analyzed_s": [0.0, 65.7],
            "sha256": "a" * 64,
        },
        "faces": list(faces),
        "model": {"name": "meso3", "sha256": "b" * 64, "backend": "tflite"},
        "versions": {},
        "timing_s": {"total": 3.2},
        **fields,
    }


def test_every_face_has_a_row_worst_first() -> None:
    text = printed(
        verdict(
            "fake",
            face(1, "real"),
            face(2, "fake", p_fake=0.97, interval=[0.9, 0.995]),
            face(3, "inconclusive", p_fake=None, interval=None, reasons=["blurred"]),
        )
    )
    rows = [line for line in text.splitlines() if line.strip().startswith(("1 ", "2 ", "3 "))]
    assert [row.split()[0] for row in rows] == ["2", "3", "1"]
    assert "97% (90% to over 99%)" in rows[0]
    assert "0:00.0 to 1:05.3" in rows[0]
    assert "not judged" in rows[1]
    assert "Person 3: The face is too blurred" in text


def test_what_is_declared_comes_first_and_apart() -> None:
    said = {
        "source": "content-credentials",
        "claims": ["generated"],
        "seal": "unknown",
        "signer": "A maker",
        "by": None,
        "problems": [],
    }
    text = printed(verdict("real", provenance={"state": "read", "declarations": [said]}))
    first, second, *_ = text.splitlines()
    assert first.startswith("Declared, not measured: Made with generative AI. Content Credentials")
    assert "A maker" in f"{first} {second}"
    assert printed(verdict("real", provenance=None)).startswith("●")


def test_real_is_never_said_bare() -> None:
    text = printed(verdict("real", face(1, "real")))
    assert "No sign of manipulation found" in text
    assert "no proof" in text
    assert "REAL" not in text
    assert " real" not in text


@pytest.mark.parametrize("label", get_args(MediaLabel))
def test_every_label_has_shape_words_and_meaning(label: str) -> None:
    text = printed(verdict(label))
    plain, _ = terminal.SIGNS[label]
    said = words("en").say(f"label_{label}")
    assert text.startswith(f"{SHAPES[label]} {said}")
    meaning = words("en").say(f"meaning_{label}")
    assert " ".join(meaning.split()) in " ".join(text.split())
    ascii_text = printed(verdict(label, face(1, "real")), encoding="ascii")
    assert ascii_text.startswith(f"{plain} {said}")


def test_shapes_differ() -> None:
    assert len(set(SHAPES.values())) == len(SHAPES) == len(terminal.SIGNS)
    assert len({plain for plain, _ in terminal.SIGNS.values()}) == len(terminal.SIGNS)


def test_every_reason_has_words() -> None:
    reasons = list(get_args(Reason))
    text = printed(verdict("inconclusive", reasons=reasons), width=1000)
    assert all(words("en").say(f"reason_{reason}") in text for reason in reasons)
    assert "reason_" not in text


def test_it_fits_a_narrow_terminal() -> None:
    """No word is cut off."""
    two = face(1, "fake", reasons=["scores-disagree"]), face(2, "real", end_s=3725.0)
    text = printed(verdict("fake", *two), width=80)
    assert max(map(len, text.splitlines())) <= 80
    for said in ("Looks manipulated", "No sign", "manipulation", "found", "1:02:05.0"):
        assert said in text
    assert "Person 1: Only a part" in text


def test_a_replay_fits_a_narrow_terminal() -> None:
    """No label and no number is cut off."""
    report = verdict("real", face(1, "real"), face(2, "inconclusive"))
    stream = io.StringIO()
    terminal.show_replay(report, report, 0.02, [], Console(file=stream, width=80))
    text = stream.getvalue()
    assert "…" not in text
    assert text.count("0.1200") == 6
    assert text.count("P(fake)") >= 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.0"), (59.96, "1:00.0"), (65.3, "1:05.3"), (3725, "1:02:05.0")]
)
def test_clock(seconds: float, text: str) -> None:
    assert terminal.clock(seconds) == text


def test_a_failure_is_one_line_with_its_markup_as_text() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=40, highlight=False)
    terminal.explain("not-media", "No video", "It is [bold]text[/bold]. " + "x" * 60, console)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith("not-media: No video. It is [bold]text[/bold].")


def test_no_bar_where_nobody_watches() -> None:
    stream = io.StringIO()
    with terminal.bar(Console(file=stream)) as report:
        report("fetch", 0.5)
        report("faces", 0.9)
    assert stream.getvalue() == ""


def test_no_sign_names_what_was_looked_for_and_what_to_do_next() -> None:
    basis = {"covers": ["face swap", "composite"], "blind_to": ["generated face"]}
    text = printed(verdict("real", face(1, "real"), basis=basis, lr=0.25))
    assert text.count("No sign of: face swap, hand-made composite") == 2, "the whole, and its face"
    assert "No sign of manipulation found" not in text
    assert "they make up 20 in 100 of those with evidence like this" in text
    assert "What to do next: Find out who uploaded it first" in text
    parted = {"reasons": ["scores-disagree"], "stretch_s": [0.0, 2.0]}
    text = printed(verdict("fake", face(1, "fake"), **parted))
    assert "0:00.0 to 0:02.0 looks manipulated; the rest does not." in text
    assert "https://tineye.com/" in text
