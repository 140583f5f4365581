"""What people tell of wrong verdicts: kept here as data for training, and deleted with one call."""

from __future__ import annotations

import csv
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.analysis.pictures import jpeg
from tests.server.service import ROOT
from tests.server.test_report import VERDICT, Checked
from tests.server.verdicts import verdict

FACE = VERDICT["faces"][0]
ONE = verdict("fake", faces=[FACE])


@pytest.fixture
def checked(tmp_path: Path) -> Iterator[Checked]:
    service = Checked(tmp_path)
    yield service
    service.engine.dispose()


def crops_of(folder: Path, label: str) -> list[Path]:
    return sorted((folder / "feedback" / label).rglob("*.jpg"))


def test_one_call_keeps_what_is_right(checked: Checked, tmp_path: Path) -> None:
    path = checked.done(VERDICT)
    told = checked.client.post(f"{path}/feedback", json={"right": "real"})
    assert (told.status_code, told.get_json()) == (200, {"right": "real"})
    assert checked.client.get(path).get_json()["feedback"] == "real"
    [crop] = crops_of(tmp_path, "real")
    assert crop.read_bytes().startswith(b"\xff\xd8")
    [kept] = (tmp_path / "feedback" / "reports").glob("*.json")
    report = json.loads(kept.read_text())
    assert (report["right"], report["result"]) == ("real", VERDICT)
    assert report["version"]
    assert report["result"]["model"]["sha256"]
    assert b"clip.mp4" not in kept.read_bytes(), "no name of a file, no address"
    assert stat.S_IMODE((tmp_path / "feedback").stat().st_mode) == 0o700


def test_the_last_word_counts(checked: Checked, tmp_path: Path) -> None:
    path = checked.done(ONE)
    for right in ("real", "fake"):
        checked.client.post(f"{path}/feedback", json={"right": right})
    assert not crops_of(tmp_path, "real")
    assert len(crops_of(tmp_path, "fake")) == 1
    assert checked.client.get(path).get_json()["feedback"] == "fake"


def test_of_several_people_it_is_not_said_who_is_fake(checked: Checked, tmp_path: Path) -> None:
    path = checked.done(verdict("real", faces=[FACE, {**FACE, "id": 2}]))
    checked.client.post(f"{path}/feedback", json={"right": "fake"})
    assert len(crops_of(tmp_path, "unsure")) == 1
    assert not crops_of(tmp_path, "fake")
    checked.client.post(f"{path}/feedback", json={"right": "real"})
    assert len(crops_of(tmp_path, "real")) == 1


def test_it_can_be_deleted_also_when_the_check_is_gone(checked: Checked, tmp_path: Path) -> None:
    path = checked.done(VERDICT)
    checked.client.post(f"{path}/feedback", json={"right": "real"})
    assert checked.client.delete(f"{path}/feedback").status_code == 204
    assert checked.client.delete(f"{path}/feedback").status_code == 404
    checked.client.post(f"{path}/feedback", json={"right": "real"})
    checked.store.forget(before=2e9 * 2)
    assert checked.client.get(path).status_code == 404
    assert checked.client.delete(f"{path}/feedback").status_code == 204
    left = [each for each in (tmp_path / "feedback").rglob("*") if each.is_file()]
    assert [each.name for each in left] == ["manifest.csv"]
    assert len(left[0].read_text().splitlines()) == 1


def test_deleting_a_check_deletes_what_was_told_of_it(checked: Checked, tmp_path: Path) -> None:
    path = checked.done(VERDICT)
    checked.client.post(f"{path}/feedback", json={"right": "real"})
    assert checked.client.delete(path).status_code == 204
    assert not crops_of(tmp_path, "real")
    assert not list((tmp_path / "feedback" / "reports").glob("*.json"))


@pytest.mark.attack
@pytest.mark.parametrize(
    "body", [{}, {"right": "maybe"}, {"right": "real", "to": "/etc"}, [], None]
)
def test_anything_else_is_refused(checked: Checked, body: Any) -> None:
    path = checked.done(VERDICT)
    assert checked.client.post(f"{path}/feedback", json=body).status_code in (400, 422)
    assert checked.client.get(path).get_json()["feedback"] is None


@pytest.mark.attack
def test_no_other_place_is_written_or_deleted(checked: Checked, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    for odd in ("..%2F..%2Fx", "%2e%2e", "x" * 32, "0" * 31):
        assert checked.client.delete(f"/jobs/{odd}/feedback").status_code == 404
        answer = checked.client.post(f"/jobs/{odd}/feedback", json={"right": "real"})
        assert answer.status_code == 404
    assert (tmp_path / "x.json").exists()


@pytest.mark.attack
def test_no_other_site_can_tell(checked: Checked) -> None:
    path = checked.done(VERDICT)
    headers = {"Origin": "https://evil.example"}
    for call in (checked.client.post, checked.client.delete):
        answer = call(f"{path}/feedback", json={"right": "real"}, headers=headers)
        assert answer.status_code == 403


@pytest.mark.slow
def test_training_reads_the_folder(
    checked: Checked, tmp_path: Path, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.server.test_report.JPEG", jpeg(astronaut[:224, 112:336]))
    told = {"real": checked.done(ONE, "a"), "fake": checked.done(ONE, "b")}
    several = checked.done(VERDICT, "c")
    checked.client.post(f"{several}/feedback", json={"right": "fake"})
    for right, path in told.items():
        checked.client.post(f"{path}/feedback", json={"right": right})
    folder = tmp_path / "feedback"
    with (folder / "manifest.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["file"].split("/")[0] for row in rows] == [
        right for right, path in sorted(told.items(), key=lambda item: item[1])
    ]
    command = [sys.executable, "-m", "training", "evaluate", "meso3", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr
    assert "left out" not in ended.stderr
    assert "told" in ended.stdout, "as a method of its own"
