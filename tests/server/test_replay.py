"""A report can be checked: the same file, networks and options give the same answer again."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import registry
from server.analysis.analyze import Analyzer
from server.analysis.answer import to_json
from server.analysis.records import MediaFile
from server.errors import NotFound
from server.replay import (
    DECODING,
    EXACT,
    PRECISION,
    ROUNDING,
    CannotReplay,
    differences,
    read_report,
    require_same,
    tolerance,
)
from server.terms import AnalysisOptions
from tests.media import clip
from tests.server.test_main import run

OPTIONS = AnalysisOptions(samples_per_s=2.0, start_s=0.4, max_crops=5, model="meso3")

Verdict = dict[str, Any]


@pytest.fixture(scope="module")
def film(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a face that is large enough to be judged."""
    pictures = [astronaut[n : n + 360, 20 + n : 420 + n] for n in range(30)]
    return clip(tmp_path_factory.mktemp("film") / "film.mp4", pictures, fps=10)


def answer(film: Path, options: AnalysisOptions = OPTIONS) -> Verdict:
    data: Verdict = json.loads(json.dumps(to_json(Analyzer(options).analyze(MediaFile(film)))))
    return data


@pytest.fixture(scope="module")
def report(film: Path) -> Verdict:
    return answer(film)


def write(folder: Path, report: Any) -> str:
    path = folder / "report.json"
    path.write_text(json.dumps(report))
    return str(path)


def test_a_report_holds_where_it_was_made(report: Verdict, film: Path, tmp_path: Path) -> None:
    """Made by this process, made again by a confined child, with the report's own options."""
    assert report["faces"][0]["p_fake"] is not None
    done = run("verify", write(tmp_path, report), str(film), MESOSCOPE_SAMPLES_PER_S="1")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "The report holds to the last digit." in done.stdout
    assert f"{report['faces'][0]['p_fake']:.4f}" in done.stdout


def test_an_answer_and_a_report_in_html_hold_the_verdict(report: Verdict, tmp_path: Path) -> None:
    said = {"id": "0" * 32, "links": {"self": "/jobs/0"}, **report}
    assert read_report(Path(write(tmp_path, said))) == report
    text = json.dumps(report).replace("<", "\\u003c")
    page = tmp_path / "report.html"
    page.write_text(f'<p>all</p><script type="application/json" id="verdict-json">{text}</script>')
    assert read_report(page) == report


def test_a_report_of_schema_1_holds_by_the_rules_of_its_time(film: Path, tmp_path: Path) -> None:
    report = answer(film, replace(OPTIONS, schema_version=1))
    assert report["schema"] == 1
    assert "support" not in report
    assert report["faces"][0]["p_fake"] != answer(film)["faces"][0]["p_fake"], "one view, not two"
    done = run("verify", write(tmp_path, report), str(film))
    assert done.returncode == 0, done.stderr + done.stdout
    assert "The report holds to the last digit." in done.stdout


def test_a_report_from_before_a_field_holds(report: Verdict, tmp_path: Path) -> None:
    assert report["schema"] == 2
    before = copy.deepcopy(report)
    for judged in (before, *before["faces"]):
        del judged["stretch_s"]
    assert read_report(Path(write(tmp_path, before))) == before
    assert not differences(before, report)
    assert differences(before | {"lr": 1.0}, report | {"lr": 2.0})


def test_a_changed_report_is_found_also_inside_a_job(
    report: Verdict, film: Path, tmp_path: Path
) -> None:
    changed = copy.deepcopy(report)
    changed["faces"][0]["label"] = "fake"
    changed["faces"][0]["p_fake"] = 0.99
    done = run("verify", write(tmp_path, {"id": "x", "result": changed}), str(film))
    assert done.returncode == 1, done.stderr
    assert "faces[0].p_fake: 0.99 became" in done.stdout
    assert "does not hold" in done.stdout


def test_a_browser_reads_jpegs_otherwise(report: Verdict) -> None:
    """By as much, and no more; a label must be the same from everywhere."""
    there = {**report, "model": {**report["model"], "backend": "litert.js"}}
    assert tolerance(there, report) == DECODING
    p_fake = report["p_fake"]
    near, far = ({**there, "p_fake": p_fake + by} for by in (0.9 * DECODING, -1.1 * DECODING))
    assert not differences(near, report)
    assert [found.what for found in differences(far, report)] == ["p_fake"]


def test_another_file_cannot_be_checked(report: Verdict, film: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(film.read_bytes() + b"x")
    done = run("verify", write(tmp_path, report), str(other))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "cannot-replay: " in done.stderr
    assert "another file" in done.stderr
    assert "Traceback" not in done.stderr


def test_nor_can_another_model(report: Verdict, film: Path) -> None:
    for kind in ("model", "detector"):
        for field, value in (("sha256", "0" * 64), ("name", "nobody")):
            changed = {**report, kind: {**report[kind], field: value}}
            with pytest.raises(CannotReplay, match=f"Its {kind}"):
                require_same(changed, film)
    require_same(report, film)
    with pytest.raises(NotFound):
        require_same(report, film.parent / "nowhere.mp4")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"[]", b"{}", b'{"result": null}', b"[" * 100_000, b"\xff\xfe"]
)
def test_what_is_no_report_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(CannotReplay, match=r"report\.json"):
        read_report(path)


def test_options_that_nobody_can_have_asked_for_are_refused(
    report: Verdict, tmp_path: Path
) -> None:
    bad = {**report, "options": {**report["options"], "samples_per_s": -1}}
    with pytest.raises(CannotReplay, match="samples_per_s"):
        read_report(Path(write(tmp_path, bad)))


def test_only_what_took_time_and_what_a_download_knew_may_differ(report: Verdict) -> None:
    again = {**report, "timing_s": {"total": 1e3}, "reasons": [*report["reasons"], "cut-short"]}
    assert differences(report, again) == []


CHANGES: list[tuple[str, Callable[[Verdict], None]]] = [
    ("label", lambda data: data.update(label="no-face")),
    ("p_fake", lambda data: data.update(p_fake=0.1234)),
    ("faces[0].lr", lambda data: data["faces"][0].update(lr=99.0)),
    (
        "basis.bounds[1]",
        lambda data: data["basis"].update(bounds=[data["basis"]["bounds"][0], 99.0]),
    ),
    ("faces[0].p_fake", lambda data: data["faces"][0].update(p_fake=None)),
    ("faces[0].samples[0].t", lambda data: data["faces"][0]["samples"][0].update(t=0.5)),
    ("faces[0].moments[0].p_fake", lambda data: data["faces"][0]["moments"][0].update(p_fake=1)),
    ("media.width_px", lambda data: data["media"].update(width_px=1)),
    ("model.fake_at", lambda data: data["model"].update(fake_at=0.5)),
    ("faces", lambda data: data["faces"].pop()),
]


@pytest.mark.parametrize(("what", "change"), CHANGES, ids=[what for what, _ in CHANGES])
def test_every_change_is_named(
    report: Verdict, what: str, change: Callable[[Verdict], None]
) -> None:
    changed = copy.deepcopy(report)
    change(changed)
    assert [each.what for each in differences(changed, report)] == [what]


def test_elsewhere_small_differences_are_rounding(report: Verdict) -> None:
    elsewhere = copy.deepcopy(report)
    elsewhere["versions"]["numpy"] = "9.9"
    face = elsewhere["faces"][0]
    p_fake = face["p_fake"]
    face["p_fake"] = p_fake + 0.9 * ROUNDING
    assert tolerance(elsewhere, report) == ROUNDING
    assert differences(elsewhere, report) == []
    face["p_fake"] = p_fake + 1.1 * ROUNDING
    assert [each.what for each in differences(elsewhere, report)] == ["faces[0].p_fake"]
    face.update(p_fake=p_fake, label="real")
    assert [each.what for each in differences(elsewhere, report)] == ["faces[0].label"]
    elsewhere["versions"] = report["versions"]
    face.update(p_fake=p_fake + 2e-4, label=report["faces"][0]["label"])
    assert tolerance(elsewhere, report) == EXACT
    assert [each.what for each in differences(elsewhere, report)] == ["faces[0].p_fake"]


def test_the_network_in_another_precision_agrees_within_the_stated_tolerance(
    report: Verdict, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(registry.WEIGHTS, weights)
    path = weights / f"{OPTIONS.model}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "serve": "float32"}))
    with monkeypatch.context() as patch:
        patch.setattr(registry, "WEIGHTS", weights)
        registry.spec.cache_clear()
        other = answer(film)
    registry.spec.cache_clear()
    require_same(other, film)
    assert other["model"]["sha256"] != report["model"]["sha256"]
    assert tolerance(other, report) == PRECISION
    assert differences(other, report) == []


def test_the_length_of_a_live_stream_is_not_compared(report: Verdict) -> None:
    """Nobody knows it; the file that a report in the browser keeps has one."""
    live = copy.deepcopy(report)
    live["model"]["backend"] = "litert.js"
    live["media"]["duration_s"] = None
    assert differences(live, report) == []
    live["media"]["duration_s"] = report["media"]["duration_s"] + 1
    assert [each.what for each in differences(live, report)] == ["media.duration_s"]
