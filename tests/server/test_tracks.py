"""Who is who, with real faces found by the real detector in pictures of known people."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from server.analysis.faces import FaceFinder
from server.analysis.matching import assign
from server.analysis.records import Faces, Frame, Track
from server.analysis.tracks import MOST_TRACKS, Tracker
from tests.server.people import crossing, ground, place, standing, two_people, walk

STEP_S = 1 / 3
Path = Sequence[tuple[float, float]]


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder()


@pytest.fixture(scope="module")
def heads(astronaut: np.ndarray) -> list[np.ndarray]:
    return two_people(astronaut)


def follow(
    finder: FaceFinder, pictures: Iterable[np.ndarray], hidden: Sequence[int] = ()
) -> list[Track]:
    """The tracks of `pictures`, one every STEP_S; the faces of `hidden` ones are missed."""
    tracker = Tracker(64, 24)
    for index, rgb in enumerate(pictures):
        faces = Faces.none() if index in hidden else finder.find(rgb)
        tracker.add(Frame(index, index * STEP_S, rgb), faces)
    return tracker.tracks()


def owner(track: Track, paths: Sequence[Path]) -> set[int]:
    """Whose places `track` went through, where they are not too close to tell."""
    owners = set()
    for time_s, box in zip(track.times_s, track.boxes, strict=True):
        step = round(time_s / STEP_S)
        middle = (box[:2] + box[2:]) / 2
        away = [float(np.linalg.norm(middle - path[step])) for path in paths]
        if abs(away[0] - away[1]) > 60:
            owners.add(int(np.argmin(away)))
    return owners


@pytest.mark.parametrize("apart_px", [0, 40, 110])
@pytest.mark.parametrize("steps", [5, 7, 8, 12, 20])
def test_people_who_cross_keep_their_identity(
    finder: FaceFinder, heads: list[np.ndarray], steps: int, apart_px: float
) -> None:
    paths = crossing(steps, apart_px)
    tracks = follow(finder, walk(heads, paths))
    assert [owner(track, paths) for track in tracks] in ([{0}, {1}], [{1}, {0}])


@pytest.mark.parametrize("hidden", [(), (4,), (3, 4, 5)])
@pytest.mark.parametrize("turn_back", [True, False])
def test_people_who_meet_keep_their_identity_whatever_they_do_next(
    finder: FaceFinder, heads: list[np.ndarray], turn_back: bool, hidden: tuple[int, ...]
) -> None:
    """They come close, are missed for a while, and part: by the way they came, or past another."""
    there = [120.0, 170.0, 220.0, 260.0, 300.0]
    on = there[-2::-1] if turn_back else [640 - x for x in there[-2::-1]]
    first = [(x, 180.0) for x in there + on]
    second = [(640 - x, y) for x, y in first]
    tracks = follow(finder, walk(heads, [first, second]), hidden)
    assert [owner(track, [first, second]) for track in tracks] in ([{0}, {1}], [{1}, {0}])


def test_a_missed_face_is_the_same_person_afterwards(
    finder: FaceFinder, heads: list[np.ndarray]
) -> None:
    paths = [standing(14, 170), standing(14, 470)]
    tracks = follow(finder, walk(heads, paths), hidden=range(5, 9))
    assert [owner(track, paths) for track in tracks] in ([{0}, {1}], [{1}, {0}])
    assert all(len(track.times_s) == 10 for track in tracks)


def test_someone_who_walks_on_while_missed_is_found_again(
    finder: FaceFinder, heads: list[np.ndarray]
) -> None:
    path = [(float(x), 180.0) for x in np.linspace(90, 550, 9)]
    tracks = follow(finder, walk(heads[:1], [path]), hidden=(4, 5))
    assert len(tracks) == 1


def test_another_person_in_the_same_place_later_is_another_person(
    finder: FaceFinder, heads: list[np.ndarray]
) -> None:
    """A third one stays all the time, so that it is the same scene."""
    away = (-500.0, -500.0)
    first = [*standing(6, 450), *[away] * 12]
    second = [*[away] * 12, *standing(6, 450)]
    third = standing(18, 160)
    tracks = follow(finder, walk([*heads, heads[0][:, ::-1]], [first, second, third]))
    assert sorted(len(track.times_s) for track in tracks) == [6, 6, 18]


def test_a_cut_ends_every_track(finder: FaceFinder, heads: list[np.ndarray]) -> None:
    scenes = [walk([head], [standing(4)], seed) for seed, head in enumerate([heads[0], *heads])]
    tracks = follow(finder, itertools.chain(*scenes))
    assert [track.times_s[0] for track in tracks] == pytest.approx([0, 4 / 3, 8 / 3])
    assert len({track.id for track in tracks}) == 3


@pytest.mark.parametrize("gain", [1.7, 3.0, 6.0])
def test_a_flash_ends_no_track(finder: FaceFinder, heads: list[np.ndarray], gain: float) -> None:
    pictures = list(walk(heads[:1], [standing(8)]))
    pictures[3] = np.clip(pictures[3] * gain + 40, 0, 255).astype(np.uint8)
    tracks = follow(finder, pictures)
    assert len(tracks) == 1
    assert len(tracks[0].times_s) >= 7


def test_a_turning_camera_ends_no_track(finder: FaceFinder, heads: list[np.ndarray]) -> None:
    wide = np.concatenate([ground(0), ground(1)[:, ::-1]], axis=1)
    place(wide, heads[0], (640, 180))
    pictures = [wide[:, left : left + 640].copy() for left in range(150, 491, 85)]
    assert len(follow(finder, pictures)) == 1


def test_long_media_are_sampled_thinly_and_still_followed(
    finder: FaceFinder, heads: list[np.ndarray]
) -> None:
    tracker = Tracker(64, 24)
    paths = [standing(10, 170), standing(10, 470)]
    for index, rgb in enumerate(walk(heads, paths)):
        tracker.add(Frame(index, index * 20.0, rgb), finder.find(rgb))
    assert [len(track.times_s) for track in tracker.tracks()] == [10, 10]


def test_crops_are_capped_and_of_the_wanted_size(
    finder: FaceFinder, heads: list[np.ndarray]
) -> None:
    tracker = Tracker(side_px=72, max_crops=5)
    for index, rgb in enumerate(walk(heads[:1], [standing(15)])):
        tracker.add(Frame(index, index * STEP_S, rgb), finder.find(rgb))
    (track,) = tracker.tracks()
    assert track.crops.shape == (5, 72, 72, 3)
    assert len(track.times_s) == 15
    assert set(track.crop_times_s) <= set(track.times_s)
    assert np.diff(track.crop_times_s).max() <= 2
    assert track.frontality.min() > 0.5


def face_at(x: float, y: float, score: float) -> Faces:
    box = np.array([[x, y, x + 60, y + 80]], np.float32)
    points = np.array([[15, 30], [45, 30], [30, 45], [20, 62], [40, 62]], np.float32)
    return Faces(box, np.array([score], np.float32), (points + box[0, :2])[None])


def test_an_unsure_face_seen_once_is_not_believed_in_a_video() -> None:
    rgb = ground()
    tracker = Tracker(64, 24)
    for index in range(6):
        faces = face_at(200, 100, 0.85) if index == 3 else Faces.none()
        tracker.add(Frame(index, index * STEP_S, rgb), faces)
    assert tracker.tracks() == []


def test_an_unsure_face_counts_in_a_still_image_and_when_seen_often() -> None:
    rgb = ground()
    still = Tracker(64, 24)
    still.add(Frame(0, 0.0, rgb), face_at(200, 100, 0.85))
    assert len(still.tracks()) == 1
    often = Tracker(64, 24)
    for index in range(6):
        often.add(Frame(index, index * STEP_S, rgb), face_at(200 + index, 100, 0.85))
    assert [len(track.times_s) for track in often.tracks()] == [6]


def test_a_face_at_the_edge_is_followed_though_it_cannot_be_cut_out() -> None:
    faces = face_at(200, 100, 0.999)
    outside = Faces(faces.boxes, faces.scores, faces.landmarks + np.float32(5000))
    tracker = Tracker(64, 24)
    tracker.add(Frame(0, 0.0, ground()), outside)
    (track,) = tracker.tracks()
    assert len(track.times_s) == 1
    assert len(track.crops) == 0


def test_crowds_do_not_fill_the_memory() -> None:
    rgb = np.zeros((900, 1600, 3), np.uint8)
    tracker = Tracker(16, 2)
    grid = [face_at(x, y, 0.999) for x in range(0, 1500, 100) for y in range(0, 800, 100)]
    faces = Faces(
        *(np.concatenate([getattr(one, name) for one in grid]) for name in Faces.__slots__)
    )
    for index in range(3):
        tracker.add(Frame(index, index * STEP_S, rgb), faces)
    assert len(tracker.tracks()) == MOST_TRACKS


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 5), st.integers(0, 5)),
        elements=st.floats(0, 4, width=16) | st.just(float("inf")),
    )
)
def test_the_assignment_is_the_cheapest_of_all(costs: np.ndarray) -> None:
    most = 2.0

    def total(pairs: Iterable[tuple[int, int]]) -> float:
        """What is paired at its cost; of the rest, as many as could be paired at `most`."""
        chosen = list(pairs)
        return sum(float(costs[pair]) for pair in chosen) + most * (min(costs.shape) - len(chosen))

    rows, columns = costs.shape
    pairs = assign(costs, most)
    assert all(costs[pair] < most for pair in pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    every = (
        list(zip(some, order, strict=True))
        for n in range(min(rows, columns) + 1)
        for some in itertools.combinations(range(rows), n)
        for order in itertools.permutations(range(columns), n)
    )
    allowed = (option for option in every if all(costs[pair] < most for pair in option))
    assert total(pairs) == pytest.approx(min(map(total, allowed)), abs=1e-3)
