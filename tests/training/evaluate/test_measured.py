"""Tables and plots of a measurement, on pictures and scores whose answer is known."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert import bootstrap
from models.registry import Calibration
from tests.media import clip, moving
from tests.training.pictures import picture, write_data
from training.data import codecs, crops
from training.evaluate import breakdown, measured, spread, videos
from training.evaluate.model import Model
from training.evaluate.scored import Scored

CALIBRATION = Calibration(scale=1.0, offset=0.0, fake_at=0.9, real_at=0.1)


def stripes(batch: np.ndarray) -> np.ndarray:
    """A logit from how much each picture changes along a row: generated fakes are striped."""
    change = np.abs(np.diff(batch, axis=2)).mean(axis=(1, 2, 3), keepdims=True)[:, :, 0, 0]
    return (100 * (change - 0.06)).astype(np.float32)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Intervals are measured in test_metrics.py; here a rough one will do."""
    monkeypatch.setattr(bootstrap, "DRAWS", 50)


@pytest.fixture
def model() -> Model:
    return Model("stripes", 64, stripes, CALIBRATION)


@pytest.fixture
def clips() -> crops.Crops:
    """Six clips of three people, eight crops each out of order; the fakes of two methods."""
    names, columns = [], {name: [] for name in ("clip", "method", "time_s", "face_px")}
    fake, people = [], []
    for n, method in enumerate(("real", "real", "real", "swap", "swap", "drive")):
        for t in (3, 1, 2, 0, 7, 5, 6, 4):
            names.append(f"{method}{n}-{t}")
            fake.append(method != "real")
            people.append(f"p{n % 3}")
            small = n == 5
            values = (f"clip{n}", method, t, 50 if small else 180)
            for name, value in zip(columns, values, strict=True):
                columns[name].append(str(value))
    return crops.Crops(
        tuple(names), (b"",) * len(names), np.array(fake), np.array(people), np.array(names),
        {name: np.array(values) for name, values in columns.items()},
    )  # fmt: skip


def test_a_measurement_is_written_as_tables_and_plots(model, tmp_path):
    tar = write_data(tmp_path, val_pairs=12) / "dfdc224-val.tar"
    result = measured.measure(model, "val", measured.read(tar, tmp_path), robustness=True)
    rows = {row["measure"]: row for row in result.tables["crops"]}
    assert rows["auc"]["value"] == 1
    assert rows["tpr_at_fpr_1"]["value"] == 1
    assert rows["people"]["value"] == 6

    treated = {(r["treatment"], r["level"]): r["value"] for r in result.tables["robustness"]}
    assert treated["none", 0.0] == treated["brightness", 0.75] == 1
    assert treated["scale", 0.25] < 0.9  # no stripe of 4 px outlives that
    assert len(treated) == 22

    out = {path.name: path for path in measured.write(result, tmp_path / "out")}
    assert json.loads(out["evaluation.json"].read_text())["model"] == "stripes"
    assert "| auc | 1.000 |" in out["evaluation.md"].read_text()
    with out["robustness.csv"].open(newline="") as lines:
        assert len(list(csv.DictReader(lines))) == 22
    for plot in ("roc.png", "reliability.png", "robustness.png"):
        drawn = cv2.imread(str(out[plot]))
        assert min(drawn.shape[:2]) > 300
        assert drawn.std() > 10


def test_videos_are_measured_that_the_folder_holds_now(astronaut, tmp_path, caplog):
    video = clip(tmp_path / "a.mp4", moving(astronaut[:256, 96:352], 4, (256, 192)), fps=4)
    folders = [tmp_path / disk / "set" / "clips" for disk in ("disk1", "disk2")]
    for count, folder in enumerate(folders, start=1):
        for label in ("real", "fake"):
            (folder / label).mkdir(parents=True)
            for n in range(count):
                shutil.copy(video, folder / label / f"{n}.mp4")

    def held(folder: Path) -> list[str]:
        return sorted(set(measured.read(folder, tmp_path / "cache").columns["clip"]))

    assert held(folders[0]) == ["fake-0", "real-0"]
    assert held(folders[1]) == ["fake-0", "fake-1", "real-0", "real-1"]
    (folders[1] / "real" / "1.mp4").rename(folders[1] / "fake" / "2.mp4")
    assert held(folders[1]) == ["fake-0", "fake-1", "fake-2", "real-0"]
    (folders[1] / "fake" / "2.mp4").unlink()
    (folders[1] / "fake" / "1.mp4").write_bytes(b"no video")
    caplog.clear()
    assert held(folders[1]) == ["fake-0", "real-0"]
    assert held(folders[1]) == ["fake-0", "real-0"]
    assert caplog.text.count("1 clips gave no crops: fake-1") == 2
    (tmp_path / "linked").symlink_to(folders[1])
    assert held(tmp_path / "linked") == ["fake-0", "real-0"]


@pytest.mark.parametrize("name", codecs.TREATMENTS)
def test_a_treatment_keeps_the_picture_and_harms_more_the_further_it_goes(name):
    treat, levels = codecs.TREATMENTS[name]
    face = picture(np.random.default_rng(0), fake=True, side_px=96)
    harm = []
    for level in levels:
        treated = treat(level, face)
        assert treated.shape == face.shape
        assert treated.dtype == np.uint8
        harm.append(float(np.abs(treated.astype(int) - face).mean()))
    assert all(0 < value < 80 for value in harm)
    if name != "brightness":
        assert harm == sorted(harm)


def test_videos_are_judged_in_order_of_time_and_per_method(clips, model):
    p_fake = np.where(clips.fake, 0.97, 0.03).astype(np.float32)
    given = Scored(model, clips, p_fake)
    judged = given.clips
    assert len(judged) == 6
    assert [str(label) for label in judged.labels] == ["real"] * 3 + ["fake"] * 2 + ["inconclusive"]
    assert np.isnan(judged.p_fake[5])  # all its faces are too small to be judged
    values = {row["measure"]: row["value"] for row in breakdown.videos(given)}
    assert values["judged"] == 5
    assert values["auc"] == 1
    assert values["fakes_called_fake"] == pytest.approx(2 / 3)
    assert values["reals_called_real"] == 1

    for i in videos.tracks(clips).values():
        assert (np.diff(clips.numbers("time_s")[i]) > 0).all()
    methods = breakdown.methods(given)
    assert [(row["method"], row["fakes"]) for row in methods] == [("drive", 8), ("swap", 16)]
    sizes = breakdown.sizes(given)
    assert [row["face_px"] for row in sizes] == ["150 to 200"]


def test_false_alarms_are_counted_by_group(model):
    count = 40
    groups = np.array(["old", "young"])[np.arange(count) % 2]
    names = tuple(map(str, range(count)))
    reals = crops.Crops(
        names, (b"",) * count, np.zeros(count, bool), np.array(names), np.array(names),
        {"age": groups},
    )  # fmt: skip
    p_fake = np.where((groups == "old") & (np.arange(count) < 20), 0.95, 0.2)
    rows = breakdown.people(Scored(model, reals, p_fake))
    assert [(row["group"], row["reals"], row["value"]) for row in rows] == [
        ("old", 20, 0.5),
        ("young", 20, 0.0),
    ]
    assert rows[0]["low"] < 0.5 < rows[0]["high"]


def test_the_spread_of_people_holds_that_of_clips_and_of_frames():
    rng = np.random.default_rng(3)
    people = np.repeat([f"person {n}" for n in range(200)], 6)
    fake = np.tile([True, False], 600)
    means = np.where(fake, 1.0, -1.0) + np.repeat(rng.normal(0, 1, 200), 6)
    logits = means + rng.normal(0, 0.9, 1200) + rng.normal(0, 1.2, 1200)
    names = tuple(str(n) for n in range(1200))
    chosen = crops.Crops(names, (b"",) * 1200, fake, people, np.array(names))
    found = spread.of_people(chosen, (1 / (1 + np.exp(-logits))).astype(np.float32))
    assert found == pytest.approx(1.5, rel=0.05)
    assert math.isnan(spread.of_people(chosen.take(np.arange(1)), np.array([0.5], np.float32)))


def test_the_spread_of_scores_is_found_again():
    """Series with a known spread, correlation, and difference between clips of one person."""
    rng = np.random.default_rng(4)
    clip_of, times, logits = [], [], []
    for n in range(240):
        level, value = rng.normal(0, 0.5), rng.normal(0, 0.8)
        for t in range(24):
            value = 0.6 * value + rng.normal(0, 0.8 * np.sqrt(1 - 0.36))
            clip_of.append(f"clip{n}")
            times.append(str(t))
            logits.append(level + value)
    count = len(times)
    people = np.array([f"p{int(name[4:]) // 4}" for name in clip_of])
    names = np.array([f"{c}-{t}" for c, t in zip(clip_of, times, strict=True)])
    series = crops.Crops(
        tuple(names), (b"",) * count, np.zeros(count, bool), people, names,
        {"clip": np.array(clip_of), "time_s": np.array(times)},
    )  # fmt: skip
    p_fake = 1 / (1 + np.exp(-np.array(logits, np.float32)))
    found = spread.of_clips(series, p_fake)
    assert found["frames"] == pytest.approx(0.8, abs=0.1)
    assert found["correlation"] == pytest.approx(0.6, abs=0.1)
    assert found["clips"] == pytest.approx(0.5, abs=0.12)
    assert 0.8 < found["covered"] <= 1
    with pytest.raises(ValueError, match="no clip here"):
        spread.of_clips(series.take(np.arange(5)), p_fake[:5])
