"""A click's seconds are given to its stages, none twice and none to nobody."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.clip import Scene

pytest.importorskip("playwright.sync_api")

from benchmarks.click import run, stages
from benchmarks.click.watch import Seen

CREATED = 1_000_000_000.0


def line(at: float, message: str, **members: str) -> str:
    from datetime import UTC, datetime

    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": time, "work": "w", "message": message, **members})


def told(at: float, stage: str, *, partial: bool = False, final: bool = False) -> dict[str, object]:
    timing = {"fetch": 1.0, "first look": 0.5, "frames": 2.0, "faces": 3.0} if final else {}
    return {
        "at": at, "stage": stage, "started": CREATED - 0.5, "partial": partial, "jobId": "j",
        "label": "fake" if final else None, "timing_s": timing,
    }  # fmt: skip


def test_every_second_has_a_stage() -> None:
    log = [
        "Traceback, or what else is no JSON",
        line(CREATED - 5, "done after=1s", done="1"),  # of a check before
        line(CREATED + 0.25, "claimed attempt=1", attempt="1"),
        line(CREATED + 1.5, "stage=faces", stage="faces"),
        line(CREATED + 2.25, "verdict=so-far", verdict="so-far"),
        line(CREATED + 9, "work=w done after=9s"),
    ]
    marks = stages.marks(log, CREATED)
    assert marks.opened == CREATED + 1.5
    first = told(CREATED + 2.5, "faces", partial=True)
    last = told(CREATED + 9.5, "done", partial=True, final=True)
    seen = Seen(CREATED - 1, [first, last], CREATED + 3, CREATED + 10)
    boxes, verdict = stages.until_boxes(seen, marks), stages.until_verdict(seen, marks)
    assert sum(boxes.values()) == pytest.approx(4.0)
    assert sum(verdict.values()) == pytest.approx(11.0)
    assert (boxes["first look"], boxes["polling"], boxes["drawing"]) == (0.75, 0.25, 0.5)
    assert (verdict["popup"], verdict["queue"], verdict["fork"]) == (0.5, 0.25, 0.25)
    assert verdict["rest"] == pytest.approx(2.0)
    assert verdict.keys() | boxes.keys() <= set(stages.STAGES)


@pytest.mark.slow
@pytest.mark.browser
def test_clicks_in_a_browser(parts: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    scenes = {"small": Scene(640, 360, 3, faces=1, face_px=120)}
    results = tmp_path / "click.csv"
    run.main(run.Options(1, ("small",), True, results, chromium, parts, tmp_path, scenes))
    text = (tmp_path / "click.csv").read_text()
    assert [name in text for name in ("small-service-boxes", "small-browser-verdict")] == [True] * 2
    assert (tmp_path / "click.png").read_bytes().startswith(b"\x89PNG")
