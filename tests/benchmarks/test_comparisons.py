"""Every benchmark in short: both sides do the same work, and say so in its results.

What they took is not looked at: that is what the benchmarks are for, on a quiet machine.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from benchmarks import classifier, cost, decode, detector, labels, pipeline, startup
from benchmarks.clip import Scene
from benchmarks.compare import Comparison, Wanted
from benchmarks.options import Missing
from benchmarks.peers import environments
from benchmarks.peers.networks import NETWORKS, TFLITE
from benchmarks.peers.side import Broken, Side

ALWAYS = ["name", "peer", "pairs", "unit", "ours", "theirs", "ratio", "low", "high", "wanted"]
SETTING = ["date", "command", "machine", "versions"]
SCENE = Scene(640, 360, seconds=3, faces=2, face_px=120)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SCENE.file(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def lean() -> None:
    """What the service runs with is set up."""
    try:
        environments.lean()
    except Missing as missing:
        pytest.skip(str(missing))


def rows(results: Path) -> dict[str, dict[str, str]]:
    """By name; the columns that every benchmark has are there, and filled."""
    with results.open(newline="") as file:
        table = list(csv.DictReader(file))
    for row in table:
        assert list(row)[: len(ALWAYS)] == ALWAYS
        assert list(row)[-len(SETTING) :] == SETTING
        assert all(row[name] for name in (*ALWAYS[:-1], *SETTING))
        assert float(row["ratio"]) > 0
    return {row["name"]: row for row in table}


def printed(output: str, benchmark: str) -> list[str]:
    """The names of the ratios, which come last."""
    lines = [re.match(rf"{benchmark}-(\S+) ratio=[\d.]+", line) for line in output.splitlines()]
    names = [line[1] for line in lines if line]
    assert all(lines[-len(names) :])
    return names


def test_a_ratio_says_how_many_times_faster_we_are_or_which_share_we_need() -> None:
    times = [1.0, 2.0, 9.0], [8.0, 6.0, 4.0]
    assert Comparison("a", "b", *times).ratio == 3.0
    assert Comparison("a", "b", *times).row()["holds"] == ""
    assert Comparison("a", "b", *times, Wanted(3)).row()["holds"] == "yes"
    assert Comparison("a", "b", *times, Wanted(3.1)).row()["holds"] == "no"
    assert Comparison("a", "b", *times, Wanted(0.3, most=True)).ratio == pytest.approx(1 / 3)
    assert Comparison("a", "b", *times, Wanted(0.3, most=True)).row()["holds"] == "no"


def test_a_side_that_cannot_start_says_why() -> None:
    with pytest.raises(Broken, match=r"decoder ended with 1: [\s\S]*unexpected keyword"):
        Side("decoder", no_such_option=True).__enter__()


@pytest.mark.slow
def test_detector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "detector.csv"
    options = detector.Options(1, 1, ("stills-360p",), tmp_path / "no-data", results)
    detector.main(options)
    found = rows(results)
    assert list(found) == printed(capsys.readouterr().out, "detector")
    assert found.keys() >= {"stills-360p-mtcnn"}
    for row in found.values():
        assert int(row["our_faces"]) == int(row["their_faces"]) == int(row["same_faces"]) >= 1


@pytest.mark.slow
def test_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "classifier.csv"
    classifier.main(classifier.Options(rounds=1, batches=(1,), results=results))
    found = rows(results)
    assert list(found) == printed(capsys.readouterr().out, "classifier")
    wanted = {f"{network}-{form}-1" for network in NETWORKS for form in TFLITE}
    assert found.keys() >= {*wanted, *(f"meso3-{form}-meso4-1" for form in TFLITE)}
    for name in wanted:
        most = 1e-4 if "float32" in name else 0.15
        assert float(found[name]["worst_difference"]) < most, name


@pytest.mark.slow
def test_labels(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, results = tmp_path / "clips" / "real", tmp_path / "labels.csv"
    folder.mkdir(parents=True)
    (folder / "two.mp4").symlink_to(clip)
    same = labels.main(labels.Options((), tmp_path, results))
    assert f"labels same={int(same)} of=1" in capsys.readouterr().out
    with results.open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["our_label"] == row["their_label"]
    assert len(row["our_people"].split()) == len(row["their_people"].split()) == 2
    assert 0 < float(row["dp"]) < 0.2  # 8 bits beside 32, and other pictures


def test_decode(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "decode.csv"
    decode.main(decode.Options(SCENE.seconds, 1, results, SCENE, clip.parent))
    found = rows(results)
    assert list(found) == printed(capsys.readouterr().out, "decode") == list(decode.PEERS)
    for row in found.values():
        assert int(row["our_pictures"]) == int(row["their_pictures"]) == 9
        assert float(row["apart_s"]) < 1 / 3


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_pipeline(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "pipeline.csv"
    options = pipeline.Options(
        SCENE.seconds, 1, results=results, scene=SCENE, large=SCENE, folder=clip.parent
    )
    pipeline.main(options)
    found = rows(results)
    assert list(found) == printed(capsys.readouterr().out, "pipeline")
    row = found["answer"]
    assert 1 <= int(row["our_pictures"]) <= int(row["their_pictures"]) == 9
    for side in ("our", "their"):  # ours may stop once more pictures would change nothing
        assert int(row[f"{side}_faces"]) == SCENE.faces * int(row[f"{side}_pictures"])
    assert float(row["our_p_fake"]) == pytest.approx(float(row["their_p_fake"]), abs=0.1)
    assert 10 < float(found["memory-1080p"]["ours"]) < 2000


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_startup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "startup.csv"
    startup.main(startup.Options(rounds=1, watched=0, kinds=("service",), results=results))
    found = rows(results)
    assert list(found) == printed(capsys.readouterr().out, "startup")
    assert list(found) == ["service"]
    assert all(row["our_faces"] == row["their_faces"] == "1" for row in found.values())


def test_as_many_faces_as_cost_asks_for_fit_into_a_picture() -> None:
    crowds = [s.faces for (curve, _), s in cost.Options().scenes().items() if curve == "faces"]
    assert crowds == list(cost.FACES)
    with pytest.raises(ValueError, match="20 faces of 100 px do not fit"):
        Scene(faces=20, face_px=100)


@pytest.mark.slow
@pytest.mark.usefixtures("lean")
def test_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "cost.csv"
    options = cost.Options(
        rounds=1,
        seconds=1,
        folder=tmp_path,
        results=results,
        sizes=[(320, 240), (640, 360)],
        faces=[2],
        lengths_s=[1, 2],
    )
    cost.main(options)
    assert re.search(r"^length power=[-\d.]+$", capsys.readouterr().out, re.MULTILINE)
    with results.open(newline="") as file:
        table = {(row["curve"], float(row["at"])): row for row in csv.DictReader(file)}
    assert len(table) == 5
    assert int(table["faces", 2]["faces"]) == 2 * int(table["faces", 2]["pictures"])
    assert int(table["length", 2]["pictures"]) == 2 * int(table["length", 1]["pictures"])
    for curve in cost.AXES.keys() - {cost.MANY}:
        assert (tmp_path / f"cost-{curve}.png").read_bytes().startswith(b"\x89PNG")
