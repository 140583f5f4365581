"""Whole checks of whole files, with the real networks."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models import registry
from server.analysis import analyze
from server.analysis.analyze import Analyzer
from server.analysis.answer import to_json
from server.analysis.pictures import MOST_FACES, face_pictures, small
from server.analysis.records import MediaFile, Progress, Track, TrackScores
from server.analysis.verdict import badness, judge
from server.analysis.weighing import Rules
from server.errors import BadValue, EmptyFile, ModelError, NotFound
from server.terms import AnalysisOptions
from tests.contract.test_verdict_contract import SCHEMA, Draft202012Validator
from tests.media import clip, picture, truncated
from tests.server.people import crossing, ground, standing, two_people, walk

FPS = 12


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(AnalysisOptions())


@pytest.fixture(scope="module")
def crossing_clip(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people cross in four seconds, encoded as H.264."""
    pictures = walk(two_people(astronaut), crossing(4 * FPS, apart_px=60))
    return clip(tmp_path_factory.mktemp("clips") / "crossing.mp4", pictures, fps=FPS)


def test_a_clip_of_two_people_has_two_verdicts(analyzer: Analyzer, crossing_clip: Path) -> None:
    verdict = analyzer.analyze(MediaFile(crossing_clip))
    data = to_json(verdict)
    Draft202012Validator(SCHEMA).validate(data)
    assert [face["id"] for face in data["faces"]] == [1, 2]
    assert data["media"]["sha256"] == hashlib.sha256(crossing_clip.read_bytes()).hexdigest()
    assert (data["media"]["width_px"], data["media"]["height_px"]) == (640, 360)
    assert data["media"]["analyzed_s"] == pytest.approx([0, 4], abs=0.4)
    first, second = ([s["box"][0] for s in face["samples"]] for face in data["faces"])
    directions = sorted([first[-1] - first[0], second[-1] - second[0]])
    assert directions[0] < -0.4  # of the picture's width, to the left
    assert directions[1] > 0.4
    stages = {"frames", "faces", "tracks", "scores", "verdict", "pictures", "hash", "total"}
    assert set(data["timing_s"]) == stages
    parts = sum(spent for stage, spent in data["timing_s"].items() if stage != "total")
    assert parts <= data["timing_s"]["total"] + 0.01
    assert data["model"]["name"] == "meso3-full"
    for face in data["faces"]:
        assert set(face["scores"]) == ({"meso3", "meso3-full"} if face["crops"] else set())
    assert data["versions"]["numpy"] == np.__version__


def test_the_answer_says_what_it_rests_on(analyzer: Analyzer, crossing_clip: Path) -> None:
    data = to_json(analyzer.analyze(MediaFile(crossing_clip)))
    sampled_s = data["media"]["sampled_s"]
    assert data["media"]["analyzed_s"] == [sampled_s[0], sampled_s[-1]]
    assert np.diff(sampled_s) == pytest.approx(1 / 3, abs=1 / FPS + 0.001)
    options = asdict(AnalysisOptions())
    assert data["schema"] == options.pop("schema_version")
    assert data["options"] == options
    spec = registry.spec("meso3-full")
    assert spec.calibration is not None
    assert spec.rates is not None
    assert data["model"]["fake_at"] == spec.calibration.fake_at
    assert data["model"]["rates"] == asdict(spec.rates)
    assert data["detector"] == {"name": "mtcnn", "sha256": registry.spec("mtcnn").sha256}


@pytest.fixture(scope="module")
def portrait(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a face that is large enough to be judged."""
    pictures = [astronaut[n : n + 360, 20 + n : 420 + n] for n in range(30)]
    return clip(tmp_path_factory.mktemp("portrait") / "portrait.mp4", pictures, fps=10)


def test_the_strongest_moments_come_with_pictures(analyzer: Analyzer, portrait: Path) -> None:
    verdict = analyzer.analyze(MediaFile(portrait))
    faces = [shown for shown in verdict.pictures if shown.kind == "face"]
    named = sorted((face.id, n) for face in verdict.faces for n in range(len(face.moments)))
    assert sorted((shown.face_id, shown.moment) for shown in faces) == named
    assert any(n == 2 for _, n in named)
    for shown in faces:
        rgb = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert rgb.shape == (registry.spec("meso3-full").input_px,) * 2 + (3,)
        assert len(shown.jpeg) < 20_000
    for face in verdict.faces:
        scored = {sample.time_s: sample.p_fake for sample in face.samples}
        assert [scored[moment.time_s] for moment in face.moments] == pytest.approx(
            [moment.p_fake for moment in face.moments]
        )


def test_the_whole_picture_of_each_moment_is_kept(analyzer: Analyzer, portrait: Path) -> None:
    verdict = analyzer.analyze(MediaFile(portrait))
    kinds = {kind: [p for p in verdict.pictures if p.kind == kind] for kind in ("face", "frame")}
    assert len(kinds["frame"]) == len(kinds["face"]) > 0
    for shown in kinds["frame"]:
        rgb = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert rgb.shape == (360, 400, 3)
    assert len({shown.jpeg for shown in kinds["frame"]}) == len(kinds["frame"])


def test_a_crowd_has_pictures_of_its_worst_faces() -> None:
    rng = np.random.default_rng(0)
    tracks = [
        Track(
            id=n,
            times_s=np.array([0.0]),
            boxes=np.array([[0, 0, 150, 150]], np.float32),
            crops=rng.integers(0, 255, (1, 16, 16, 3), np.uint8),
            crop_times_s=np.array([0.0]),
            quality=np.ones(1, np.float32),
            sharpness=np.ones(1, np.float32),
            frontality=np.ones(1, np.float32),
            sizes_px=np.full(1, 150, np.float32),
        )
        for n in range(30)
    ]
    p_fake = rng.random(30, np.float32)
    rules = Rules(min_crops=1)
    faces = [
        judge(track, TrackScores(track.id, p_fake[n : n + 1]), rules)
        for n, track in enumerate(tracks)
    ]
    shown = [found.face_id for found in face_pictures(faces, tracks)]
    worst = sorted(faces, key=badness)
    assert shown == [face.id for face in worst[:MOST_FACES]]


@pytest.mark.parametrize(("start_s", "end_s"), [(1.0, 2.5), (2.0, None), (0.0, 1.0)])
def test_only_the_chosen_span_is_looked_at(
    crossing_clip: Path, start_s: float, end_s: float | None
) -> None:
    options = AnalysisOptions(start_s=start_s, end_s=end_s)
    seen: list[Progress] = []
    data = to_json(Analyzer(options).analyze(MediaFile(crossing_clip), seen.append))
    first_s, last_s = data["media"]["analyzed_s"]
    assert start_s <= first_s < start_s + 1 / FPS
    assert last_s <= (end_s or 4)
    assert last_s == pytest.approx(end_s or 4, abs=0.5)
    assert all(start_s <= face["start_s"] and face["end_s"] <= last_s for face in data["faces"])
    assert data["options"]["start_s"] == start_s
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)


def test_a_span_with_nothing_in_it_is_refused(crossing_clip: Path) -> None:
    with pytest.raises(BadValue, match="lasts 4 s"):
        Analyzer(AnalysisOptions(start_s=60)).analyze(MediaFile(crossing_clip))


def test_the_same_file_gets_the_same_answer(analyzer: Analyzer, crossing_clip: Path) -> None:
    first, second = (to_json(analyzer.analyze(MediaFile(crossing_clip))) for _ in range(2))
    fresh = to_json(Analyzer(AnalysisOptions()).analyze(MediaFile(crossing_clip)))
    for answer in (first, second, fresh):
        del answer["timing_s"]
    assert first == second == fresh


def test_progress_rises_and_partial_verdicts_come(
    analyzer: Analyzer, crossing_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyze, "PARTIAL_S", 0.0)
    seen: list[Progress] = []
    verdict = analyzer.analyze(MediaFile(crossing_clip), seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] < 0.2
    assert fractions[-1] == 1
    assert list(dict.fromkeys(progress.stage for progress in seen)) == ["faces", "scores", "done"]
    partial = [progress.partial for progress in seen if progress.partial]
    for data in partial:
        Draft202012Validator(SCHEMA).validate(data)
    ends = [data["media"]["analyzed_s"][1] for data in partial]
    assert ends == sorted(ends)
    assert partial[-1] == json.loads(json.dumps(to_json(verdict)))


@pytest.fixture(scope="module")
def long_clip(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of two people, with a key frame every two."""
    pictures = walk(two_people(astronaut), crossing(12 * FPS, apart_px=60))
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return clip(path, pictures, fps=FPS, options={"g": str(2 * FPS)})


def test_a_long_video_has_a_verdict_on_its_key_frames_first(
    analyzer: Analyzer, long_clip: Path
) -> None:
    seen: list[Progress] = []
    data = to_json(analyzer.analyze(MediaFile(long_clip), seen.append))
    partial = [progress for progress in seen if progress.partial]
    first = partial[0].partial
    assert first is not None
    Draft202012Validator(SCHEMA).validate(first)
    assert partial[0].fraction == 0
    assert first["media"]["sampled_s"] == pytest.approx([0, 2, 4, 6, 8, 10], abs=0.1)
    assert len(first["faces"]) == 2
    assert len(data["media"]["sampled_s"]) == 36, "the first look is no part of the answer"
    assert "first look" in data["timing_s"]


def test_the_first_verdict_knows_the_faces_that_a_viewer_is_about_to_see(
    analyzer: Analyzer, long_clip: Path
) -> None:
    """And the last one is the same as if nobody watched."""
    seen: list[Progress] = []
    watched = to_json(analyzer.analyze(MediaFile(long_clip), seen.append, 4.5))
    partial = [progress.partial for progress in seen if progress.partial]
    first, second = partial[0], next(later for later in partial if later != partial[0])
    assert first["media"]["sampled_s"] == pytest.approx([4.5, 5.5, 6.5], abs=0.1)
    expected = [0, 2, 4, 4.5, 5.5, 6, 6.5, 7.5, 8, 8.5, 9.5, 10]
    assert second["media"]["sampled_s"] == pytest.approx(expected, abs=0.1)
    for so_far in (first, second):
        shown = {sample["t"] for face in so_far["faces"] for sample in face["samples"]}
        assert shown == set(so_far["media"]["sampled_s"])
    alone = to_json(analyzer.analyze(MediaFile(long_clip)))
    for data in (watched, alone):
        del data["timing_s"]
    assert watched == alone


@pytest.mark.parametrize(("watched_s", "span"), [(1e6, {}), (9.0, {"start_s": 0.5, "end_s": 11})])
def test_a_viewer_may_be_anywhere(long_clip: Path, watched_s: float, span: dict[str, Any]) -> None:
    seen: list[Progress] = []
    Analyzer(AnalysisOptions(**span)).analyze(MediaFile(long_clip), seen.append, watched_s)
    first = next(progress.partial for progress in seen if progress.partial)
    times_s = first["media"]["sampled_s"]
    assert times_s == sorted(set(times_s))
    assert all(time_s <= span.get("end_s", 12) for time_s in times_s)
    assert any(8.9 < time_s < 9.1 for time_s in times_s) == bool(span)


def test_as_many_threads_as_you_like_give_the_same_answer(long_clip: Path) -> None:
    answers = [
        to_json(Analyzer(AnalysisOptions(), threads).analyze(MediaFile(long_clip)))
        for threads in (1, 2, 3)
    ]
    for answer in answers:
        del answer["timing_s"]
    assert answers[0] == answers[1] == answers[2]


def test_with_several_threads_an_error_ends_all(long_clip: Path) -> None:
    def refuse(progress: Progress) -> None:
        if progress.fraction > 0.3:
            raise BadValue("enough")

    before = threading.active_count()
    with pytest.raises(BadValue, match="enough"):
        Analyzer(AnalysisOptions(), 3).analyze(MediaFile(long_clip), refuse)
    assert threading.active_count() == before


@pytest.mark.parametrize(("after", "looked_at"), [(12, 12), (36, 36)])
def test_what_is_settled_is_not_looked_at_to_the_end(
    long_clip: Path, monkeypatch: pytest.MonkeyPatch, after: int, looked_at: int
) -> None:
    """Who is settled, test_verdict.py says; here everybody is."""
    monkeypatch.setattr(analyze, "is_settled", lambda face, rules: True)
    monkeypatch.setattr(analyze, "SETTLED_AFTER", after)
    whole = Analyzer(AnalysisOptions(stop_early=False)).analyze(MediaFile(long_clip))
    early = Analyzer(AnalysisOptions(), 2).analyze(MediaFile(long_clip))
    assert len(whole.sampled_s) == 36
    assert early.sampled_s == whole.sampled_s[:looked_at]
    assert ("stopped-early" in early.reasons) == (looked_at < 36)
    assert "stopped-early" not in whole.reasons


def test_no_face_is_an_answer(analyzer: Analyzer, tmp_path: Path) -> None:
    path = clip(tmp_path / "empty.mp4", [ground()] * FPS, fps=FPS)
    data = to_json(analyzer.analyze(MediaFile(path)))
    assert (data["label"], data["p_fake"], data["faces"]) == ("no-face", None, [])


def test_a_still_image_is_judged_by_its_one_crop(
    analyzer: Analyzer, astronaut: np.ndarray, tmp_path: Path
) -> None:
    path = picture(tmp_path / "astronaut.png", astronaut)
    data = to_json(analyzer.analyze(MediaFile(path)))
    Draft202012Validator(SCHEMA).validate(data)
    (face,) = data["faces"]
    assert data["media"]["kind"] == "image"
    assert len(face["samples"]) == 1
    assert face["p_fake"] is not None
    assert "too-few-frames" not in face["reasons"]
    low, high = face["interval"]
    assert low < face["p_fake"] < high


@pytest.mark.parametrize("by_the_download", [True, False])
def test_a_file_cut_short_gives_what_it_held(
    analyzer: Analyzer, astronaut: np.ndarray, tmp_path: Path, by_the_download: bool
) -> None:
    pictures = walk(two_people(astronaut)[:1], [standing(4 * FPS)])
    path = clip(tmp_path / "clip.mkv", pictures, fps=FPS)
    media = MediaFile(path, cut_short=True) if by_the_download else MediaFile(truncated(path, 0.6))
    data = to_json(analyzer.analyze(media))
    assert "cut-short" in data["reasons"]
    assert len(data["faces"]) == 1


def test_an_exception_from_the_listener_ends_the_check(
    analyzer: Analyzer, crossing_clip: Path
) -> None:
    class Cancelled(Exception):
        pass

    def listen(progress: Progress) -> None:
        if progress.fraction > 0.2:
            raise Cancelled

    before = threading.active_count()
    with pytest.raises(Cancelled):
        analyzer.analyze(MediaFile(crossing_clip), listen)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_bad_files_and_models_are_named(analyzer: Analyzer, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(EmptyFile):
        analyzer.analyze(MediaFile(empty))
    with pytest.raises(NotFound):
        analyzer.analyze(MediaFile(tmp_path / "nowhere.mp4"))
    with pytest.raises(ModelError, match="known: "):
        Analyzer(AnalysisOptions(model="nobody"))


# Counted by eye. In the DFDC clip a portrait hangs on the wall; in the street scene one of seven
# people is lost for two seconds behind another and counts twice.
PEOPLE = {
    "fake/dfdc_abqwwspghj": 1,
    "fake/dfdc_yhffcuhhjy": 2,
    "fake/film_demo_fake": 1,
    "fake/ghost_elon": 1,
    "fake/ghost_khabenskii": 1,
    "fake/ghost_mark": 1,
    "real/facenet_multi_face": 8,
    "real/film_demo_real": 1,
    "real/fsgan_conan": 1,
    "real/ghost_orig": 1,
    "real/liveportrait_d10": 1,
    "real/liveportrait_d12": 1,
    "real/liveportrait_d18": 1,
    "real/liveportrait_d19": 1,
    "real/liveportrait_d20": 1,
    "real/liveportrait_s18": 1,
    "real/liveportrait_s32": 1,
    "real/noface_big_buck_bunny": 0,
    "real/retalking_face_1": 1,
    "real/retalking_face_2": 1,
    "real/retalking_face_5": 1,
}


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(("name", "people"), PEOPLE.items())
def test_clips_have_as_many_faces_as_people(
    analyzer: Analyzer, shared_data: Path, name: str, people: int
) -> None:
    verdict = analyzer.analyze(MediaFile(shared_data / "clips" / f"{name}.mp4"))
    assert len(verdict.faces) == people
    assert (verdict.label == "no-face") == (people == 0)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((720, 1280), (270, 480)), ((1081, 1921), (270, 480)), ((200, 300), (200, 300))],
)
def test_a_small_picture_is_the_large_one_seen_from_afar(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    height, width = size
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, width // 2 :] = 200  # dark on the left, light on the right
    shrunk = small(picture, 480)
    assert shrunk.shape == (*expected, 3)
    assert shrunk[:, : expected[1] // 2 - 2].max() == 0
    assert shrunk[:, expected[1] // 2 + 2 :].min() == 200
    assert small(np.zeros((1, 5000, 3), np.uint8), 480).shape == (1, 480, 3)
