"""Verdicts by compression, and of clips that were encoded anew, where the answer is known."""

from __future__ import annotations

import csv
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from convert import bootstrap
from tests.contract.verdict import LIKELIHOOD
from tests.media import clip, moving, numbered
from tests.training.evaluate.test_measured import CALIBRATION, stripes
from tests.training.pictures import picture, write_data
from training import __main__ as command
from training.data import crops
from training.evaluate import measured, reencoded
from training.evaluate.likelihood import treated
from training.evaluate.likelihood.people import AS_IT_IS, HALF
from training.evaluate.model import Model
from training.evaluate.reencoded import Change, Told
from training.evaluate.scored import scored


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Intervals are measured in test_metrics.py; here a rough one will do."""
    monkeypatch.setattr(bootstrap, "DRAWS", 20)


@pytest.fixture
def model() -> Model:
    return Model("stripes", 64, stripes, CALIBRATION, likelihood=LIKELIHOOD)


def fine_stripes(batch: np.ndarray) -> np.ndarray:
    """A logit from stripes of whole pictures that do not outlive half the size."""
    return stripes(batch) - 16


def test_verdicts_by_compression_tell_what_compression_takes_away(model, tmp_path):
    tar = write_data(tmp_path, 1, 12, crops.SIDE_PX) / "dfdc224-val.tar"
    model = replace(model, input_px=crops.SIDE_PX, logits=fine_stripes)
    result = measured.measure(model, "val", crops.read(tar), robustness=False, compressed=True)
    rows = {row["treatment"]: row for row in result.tables["treated_evidence"]}
    assert list(rows) == list(treated.VERDICTS)
    assert {row["kind"] for row in rows.values()} == {treated.ALL}
    assert (rows[AS_IT_IS]["reals"], rows[AS_IT_IS]["fakes"]) == (12, 12)
    assert rows[AS_IT_IS]["fakes_called_fake"] == 1
    assert rows[AS_IT_IS]["reals_called_fake"] == 0
    assert rows[AS_IT_IS]["cllr"] < 0.5
    assert rows[HALF]["fakes_called_fake"] < 1, "its stripes are gone"
    assert rows[HALF]["cllr"] > rows[AS_IT_IS]["cllr"]
    assert "--compressed" in measured.markdown(result)
    out = {path.name: path for path in measured.write(result, tmp_path / "out")}
    with out["treated_evidence.csv"].open(newline="") as lines:
        assert len(list(csv.DictReader(lines))) == len(treated.VERDICTS)
    without = measured.measure(model, "val", crops.read(tar), robustness=False)
    assert "treated_evidence" not in without.tables
    assert "--compressed" not in measured.markdown(without)


def grained(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Not too blurred to be judged."""
    return (rgb + rng.normal(0, 12, rgb.shape)).clip(0, 255).astype(np.uint8)


def test_videos_are_told_apart_by_method_too(model):
    model = replace(model, input_px=crops.SIDE_PX, logits=fine_stripes)
    rng = np.random.default_rng(0)
    rows = [(n, f"real {n}", "", t) for n in range(3) for t in range(10)]
    rows += [
        (n, f"{m} {n}", m, t) for m in ("swap", "reenacted") for n in range(3) for t in range(10)
    ]
    images = [
        cv2.imencode(".png", grained(picture(rng, bool(method), crops.SIDE_PX), rng))[1].tobytes()
        for _, _, method, _ in rows
    ]
    people, clips, methods, times = (
        np.array([str(v) for v in each]) for each in zip(*rows, strict=True)
    )
    names = tuple(f"{n}.png" for n in range(len(rows)))
    columns = {
        "clip": clips,
        "method": methods,
        "time_s": times,
        "face_px": np.full(len(rows), "200"),
    }
    given = scored(
        model, crops.Crops(names, tuple(images), methods != "", people, np.array(names), columns)
    )
    found = treated.clips(given)
    as_is = {row["kind"]: row for row in found if row["treatment"] == AS_IT_IS}
    assert set(as_is) == {treated.ALL, "swap", "reenacted"}
    assert (as_is["all"]["fakes"], as_is["swap"]["fakes"], as_is["swap"]["reals"]) == (6, 3, 3)
    assert as_is["all"]["fakes_called_fake"] == 1
    assert len(found) == 3 * len(treated.VERDICTS)
    nothing = scored(replace(model, likelihood=None), given.crops)
    assert treated.clips(nothing) == treated.people(nothing) == []


def test_a_step_is_one_strength_of_support():
    lrs = (None, 1.9, 2.0, 50, 1 / 1.9, 0.5, 0.05)
    assert [reencoded.place(lr) for lr in lrs] == [0, 0, 1, 2, 0, -1, -2]
    told = Told(1, "suspicious")
    found = [
        Change("a", name, told, Told(place, "fake" if place == 2 else "suspicious"))
        for name in reencoded.TREATMENTS
        for place in (1, 2, -1)
    ]
    rows = {row["treatment"]: row for row in reencoded.table(found)}
    first = rows["H.264 CRF 23"]
    counted = [first[name] for name in ("clips", "same_support", "one_step", "more_steps")]
    assert counted == [3, 1, 1, 1]
    assert first["other_level"] == 1
    assert rows["all"]["share_of_more"] == pytest.approx(1 / 3, abs=1e-4)
    assert rows["all"]["clips"] == 12


def test_a_clip_is_encoded_anew_at_its_times(astronaut, tmp_path):
    video = clip(tmp_path / "a.mp4", moving(astronaut[:256, 96:352], 12, (256, 192)), fps=6)
    fine = reencoded.encoded(video, tmp_path / "fine.mp4", 23)
    coarse = reencoded.encoded(video, tmp_path / "coarse.mp4", 34)
    small = reencoded.encoded(video, tmp_path / "small.mp4", 23, 0.5, seconds=1)
    assert coarse.stat().st_size < fine.stat().st_size
    assert times(fine) == pytest.approx(times(video), abs=1e-3)
    with av.open(small) as file:
        assert (file.streams.video[0].width, file.streams.video[0].height) == (128, 96)
    assert max(times(small)) <= 1


def times(path) -> list[float]:
    with av.open(path) as file:
        return [frame.time for frame in file.decode(video=0)]


def test_the_command_judges_each_clip_after_each_treatment(astronaut, tmp_path, capsys):
    folder = tmp_path / "clips"
    folder.mkdir()
    clip(folder / "a.mp4", moving(astronaut[:256, 96:352], 6, (320, 240)), fps=3)
    clip(folder / "nobody.mp4", numbered(6), fps=3)  # its support cannot change
    out = tmp_path / "table.csv"
    line = ["reencode", "meso3", str(folder), "--seconds", "2", "--out", str(out)]
    assert command.main(line) == 0
    told = capsys.readouterr().out
    assert "nobody" not in told
    assert told.count("a.mp4, ") == len(reencoded.TREATMENTS)
    with out.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["treatment"] for row in rows] == [*reencoded.TREATMENTS, "all"]
    assert rows[-1]["clips"] == "4"
    (folder / "b.mp4").write_bytes(b"no video")
    assert command.main(line) == 1
    assert "b.mp4" in capsys.readouterr().err
    assert command.main(["reencode", "meso3", str(out)]) == 1
    assert "no video is there" in capsys.readouterr().err
