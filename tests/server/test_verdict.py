from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.analysis.answer import to_json
from server.analysis.records import (
    DetectorUse,
    FaceVerdict,
    MediaInfo,
    ModelUse,
    Track,
    TrackScores,
)
from server.analysis.verdict import Analyzed, combine, is_settled, judge
from server.analysis.weighing import Rules
from server.terms import AnalysisOptions, Label

RULES = Rules()
ABOUT = Analyzed(
    media=MediaInfo("video", 640, 360, 8.0),
    media_sha256="0" * 64,
    analyzed_s=(0.0, 7.7),
    cut_short=False,
    stopped_early=False,
    sampled_s=(0.0, 7.7),
    model=ModelUse("meso3", "1" * 64, "tflite", 0.9, 0.1),
    detector=DetectorUse("mtcnn", "2" * 64),
    options=AnalysisOptions(),
)


def track(
    n: int, *, size_px: float = 200, sharpness: float = 0.8, frontality: float = 0.9
) -> Track:
    """A face seen n times, three times a second, with one crop each time."""
    times_s = np.arange(n) / 3
    return Track(
        id=1,
        times_s=times_s,
        boxes=np.tile(np.array([[100, 50, 200, 190]], np.float32), (n, 1)),
        crops=np.zeros((n, 8, 8, 3), np.uint8),
        crop_times_s=times_s,
        quality=np.full(n, 0.8, np.float32),
        sharpness=np.full(n, sharpness, np.float32),
        frontality=np.full(n, frontality, np.float32),
        sizes_px=np.full(n, size_px, np.float32),
    )


def verdict(p_fake: list[float], rules: Rules = RULES, **looks: float) -> FaceVerdict:
    scores = TrackScores(1, np.array(p_fake, np.float32))
    return judge(track(len(p_fake), **looks), scores, rules)


@pytest.mark.parametrize(
    ("p_fake", "label", "reasons"),
    [
        ([0.97] * 12, "fake", ()),
        ([0.04] * 12, "real", ()),
        ([0.5] * 12, "inconclusive", ("not-certain",)),
        ([0.85] * 12, "inconclusive", ("not-certain",)),
        ([0.15] * 12, "inconclusive", ("not-certain",)),
        ([0.99] * 2, "inconclusive", ("too-few-frames",)),
        ([0.01] * 1, "inconclusive", ("too-few-frames",)),
    ],
)
def test_labels_follow_the_evidence(
    p_fake: list[float], label: Label, reasons: tuple[str, ...]
) -> None:
    face = verdict(p_fake)
    assert (face.label, face.reasons) == (label, reasons)
    assert face.p_fake == pytest.approx(p_fake[0], abs=0.01)
    assert face.interval is not None
    assert face.interval[0] <= p_fake[0] <= face.interval[1]


@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        ({"size_px": 50.0}, "face-too-small"),
        ({"sharpness": 0.1}, "blurred"),
        ({"frontality": 0.05}, "out-of-scope"),
    ],
)
def test_what_cannot_be_judged_is_not(looks: dict[str, float], reason: str) -> None:
    face = verdict([0.99] * 12, **looks)
    assert (face.label, face.p_fake, face.interval) == ("inconclusive", None, None)
    assert face.reasons == (reason,)
    assert [sample.p_fake for sample in face.samples] == pytest.approx([0.99] * 12)


def test_unusable_frames_have_no_say() -> None:
    seen = track(12)
    blurred = replace(seen, sharpness=np.where(np.arange(12) < 6, 0.05, 0.8).astype(np.float32))
    p_fake = np.where(np.arange(12) < 6, 0.99, 0.03).astype(np.float32)
    face = judge(blurred, TrackScores(1, p_fake), RULES)
    assert face.label == "real"
    assert face.p_fake == pytest.approx(0.03, abs=0.01)


def test_too_few_usable_frames_name_the_cause() -> None:
    seen = track(6)
    turned = replace(seen, frontality=np.array([0.9, 0.9, 0, 0, 0, 0], np.float32))
    face = judge(turned, TrackScores(1, np.full(6, 0.99, np.float32)), RULES)
    assert face.label == "inconclusive"
    assert face.reasons == ("too-few-frames", "out-of-scope")


def test_a_part_that_is_manipulated_is_not_averaged_away() -> None:
    face = verdict([0.03] * 9 + [0.985] * 6 + [0.03] * 9)
    assert (face.label, face.reasons) == ("fake", ("scores-disagree",))
    assert face.p_fake is not None
    assert face.p_fake > 0.9


def test_a_part_that_may_be_manipulated_forbids_real() -> None:
    face = verdict([0.02] * 18 + [0.95] * 3)
    assert (face.label, face.reasons) == ("inconclusive", ("scores-disagree",))


def test_moments_are_the_strongest_and_not_neighbours() -> None:
    p_fake = [0.1, 0.2, 0.9, 0.95, 0.9, 0.3, 0.2, 0.8, 0.1, 0.1, 0.1, 0.5]
    moments = verdict(p_fake).moments
    assert [(moment.time_s, moment.p_fake) for moment in moments] == [
        (pytest.approx(3 / 3), pytest.approx(0.95)),
        (pytest.approx(7 / 3), pytest.approx(0.8)),
        (pytest.approx(11 / 3), pytest.approx(0.5)),
    ]


def test_what_was_not_judged_has_no_moments() -> None:
    assert verdict([0.99] * 12, size_px=50.0).moments == ()


def test_one_wild_frame_changes_nothing() -> None:
    assert verdict([0.03] * 10 + [0.97] + [0.03] * 10).label == "real"


def test_a_still_image_may_be_judged_but_only_by_a_clear_score() -> None:
    video = replace(RULES, fake_at=0.8, real_at=0.2)
    image = replace(video, min_crops=1)
    assert verdict([0.99], image).label == "fake"
    assert verdict([0.01], image).label == "real"
    for p_fake, label in ((0.94, "fake"), (0.06, "real")):
        assert verdict([p_fake] * 12, video).label == label
        unsure = verdict([p_fake], image)
        assert (unsure.label, unsure.reasons) == ("inconclusive", ("not-certain",))
    one, many = verdict([0.99], image).interval, verdict([0.99] * 12).interval
    assert one is not None
    assert many is not None
    assert one[1] - one[0] > 1.5 * (many[1] - many[0])


def test_samples_hold_a_box_for_every_sighting_and_scores_where_there_are_crops() -> None:
    seen = track(6)
    few = replace(
        seen,
        crops=seen.crops[::2],
        **{
            name: getattr(seen, name)[::2]
            for name in ("crop_times_s", "quality", "sharpness", "frontality", "sizes_px")
        },
    )
    face = judge(few, TrackScores(1, np.array([0.1, 0.2, 0.3], np.float32)), RULES)
    p_fake = [sample.p_fake for sample in face.samples]
    assert p_fake[1::2] == [None] * 3
    assert p_fake[::2] == pytest.approx([0.1, 0.2, 0.3])
    assert (face.start_s, face.end_s) == pytest.approx((0, 5 / 3))


def test_a_face_that_was_never_wholly_in_the_picture_is_inconclusive() -> None:
    seen = track(4)
    none = replace(
        seen,
        crops=seen.crops[:0],
        **{
            name: getattr(seen, name)[:0]
            for name in ("crop_times_s", "quality", "sharpness", "frontality", "sizes_px")
        },
    )
    face = judge(none, TrackScores(1, np.empty(0, np.float32)), RULES)
    assert (face.label, face.p_fake, face.reasons) == ("inconclusive", None, ("too-few-frames",))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], "no-face"),
        (["real"], "real"),
        (["real", "inconclusive"], "inconclusive"),
        (["real", "fake", "inconclusive"], "fake"),
    ],
)
def test_the_worst_face_decides(labels: list[Label], expected: str) -> None:
    p_fake = {"real": 0.05, "fake": 0.96, "inconclusive": 0.5}
    faces = [
        replace(verdict([0.5] * 5), id=number, label=label, p_fake=p_fake[label])
        for number, label in enumerate(labels)
    ]
    answer = combine(faces, ABOUT, {}, {})
    assert answer.label == expected
    assert answer.p_fake == p_fake.get(expected)


def test_of_two_fakes_the_surer_one_is_reported() -> None:
    faces = [verdict([p_fake] * 12) for p_fake in (0.95, 0.99)]
    assert combine(faces, ABOUT, {}, {}).p_fake == pytest.approx(0.99, abs=0.005)


def test_a_file_cut_short_says_so_and_keeps_its_label() -> None:
    answer = combine([verdict([0.97] * 12)], replace(ABOUT, cut_short=True), {}, {})
    assert (answer.label, answer.reasons) == ("fake", ("cut-short",))


def test_what_stopped_early_says_so_and_keeps_its_label() -> None:
    answer = combine([verdict([0.97] * 12)], replace(ABOUT, stopped_early=True), {}, {})
    assert (answer.label, answer.reasons) == ("fake", ("stopped-early",))


@settings(deadline=None, max_examples=60)
@given(st.integers(12, 24), st.floats(0.9, 1), st.integers(0, 12), st.floats(0, 1))
def test_a_settled_fake_stays_one_whatever_follows(
    seen: int, p_fake: float, following: int, rest: float
) -> None:
    """As long as as many of its crops are kept as of what follows."""
    if is_settled(verdict([p_fake] * seen), Rules()):
        assert verdict([p_fake] * seen + [rest] * following).label == "fake"


def test_only_what_is_surely_fake_is_settled() -> None:
    assert is_settled(verdict([0.9999] * 24), Rules())
    assert not is_settled(verdict([0.93] * 24), Rules()), "called fake, but near the threshold"
    assert not is_settled(verdict([0.001] * 24), Rules()), "a fake part may follow"


def test_numbers_that_json_lacks_become_null() -> None:
    answer = combine([], replace(ABOUT, media=MediaInfo("video", 1, 1, None)), {}, {"x": np.inf})
    assert to_json(answer)["media"]["duration_s"] is None
    assert to_json(answer)["timing_s"] == {"x": None}


def test_labels_are_known_to_the_media_too() -> None:
    assert set(get_args(Label)) == {"fake", "real", "inconclusive"}
