"""From the faces of single pictures to one track per person.

A few pictures a second are looked at, so people move far in between and overlap alone is not
enough: faces are matched by where a person was heading and by what head and shoulders look like,
all people of a scene at once (matching.py). A track ends with its scene (cuts.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.preprocess import face_crop
from server.analysis import boxes as geometry
from server.analysis.crops import Crop, CropChoice, frontality, sharpness
from server.analysis.cuts import Scenes
from server.analysis.matching import (
    MOST_COST,
    Expected,
    appearance,
    appearance_cost,
    assign,
    motion_cost,
)
from server.analysis.records import Faces, Float32, Frame, Track, Uint8

HEADING_S = 0.7  # beyond this, nobody is taken to go on as they went
BRIDGE_S, BRIDGE_SAMPLES = 1.5, 2.5  # after a longer gap the appearance cost is doubled
LOST_S, LOST_SAMPLES = 10.0, 4  # missed for longer, it is someone new
CLOSE = 0.1  # IoU of two faces above which their appearance is not updated
SURE = 0.99  # MTCNN's score from which on even a face seen once is believed
OFTEN = 3  # sightings, in at least half of the pictures, that make an unsure face believed
MOST_TRACKS = 100  # kept for a verdict: bounds memory on pictures of crowds


@dataclass(slots=True)
class _Person:
    """A track that is still growing."""

    id: int
    scene: int
    appearance: Float32
    crops: CropChoice
    first_picture: int
    times_s: list[float] = field(default_factory=list)
    boxes: list[Float32] = field(default_factory=list)
    velocity: Float32 = field(default_factory=lambda: np.zeros(2, np.float32))  # px/s
    best_score: float = 0.0
    last_picture: int = 0

    def expected(self, time_s: float) -> Float32:
        """The middle of the face at `time_s`, float32 [2] px, if it goes on as it went."""
        ahead = min(time_s - self.times_s[-1], HEADING_S)
        middle = geometry.centers(self.boxes[-1][None])[0]
        return np.asarray(middle + self.velocity * np.float32(ahead), np.float32)

    def move(self, time_s: float, box: Float32) -> None:
        """Note where the face is now, and with that where it is heading."""
        if self.times_s and time_s > self.times_s[-1]:
            moved = geometry.centers(np.stack([self.boxes[-1], box]))
            now = (moved[1] - moved[0]) / np.float32(time_s - self.times_s[-1])
            known = len(self.times_s) > 1
            self.velocity = (self.velocity + now) / np.float32(2) if known else now
        self.times_s.append(time_s)
        self.boxes.append(box)

    def is_believed(self) -> bool:
        """False for what the detector saw seldom and never with certainty: wicker, hair, a knee."""
        seen, pictures = len(self.times_s), self.last_picture - self.first_picture + 1
        return self.best_score >= SURE or (seen >= OFTEN and 2 * seen >= pictures)


class Tracker:
    """Follows everyone through one media file; feed it frames in order of time."""

    def __init__(self, side_px: int, max_crops: int) -> None:
        """`side_px`: the side of the crops. `max_crops`: kept per person."""
        self._side_px = side_px
        self._max_crops = max_crops
        self._scenes = Scenes()
        self._scene = 0
        self._people: list[_Person] = []
        self._count = 0
        self._pictures = 0
        self._time_s = 0.0
        self._gap_s = 0.0  # between samples: long media are sampled thinly

    def add(self, frame: Frame, faces: Faces) -> None:
        """Give each face of `frame` to the person it belongs to, or to a new one."""
        self._turn_to(frame)
        looks = [appearance(frame.rgb, landmarks) for landmarks in faces.landmarks]
        present = self._present(frame.time_s)
        pairs = assign(self._costs(present, faces, looks, frame.time_s), MOST_COST)
        owners = {face: present[person] for person, face in pairs}
        crowded = _crowded(faces.boxes)
        for face in range(len(faces)):
            person = owners.get(face) or self._welcome(looks[face])
            if not crowded[face]:
                person.appearance = (person.appearance + looks[face]) / np.float32(2)
            person.move(frame.time_s, faces.boxes[face])
            person.last_picture = self._pictures
            person.best_score = max(person.best_score, float(faces.scores[face]))
            self._keep_crop(person, frame, faces, face)
        self._bound_memory()

    def tracks(self) -> list[Track]:
        """Everyone so far, in order of appearance; more frames may follow."""
        # A still image shows everybody once: no track is short there.
        return [
            _to_track(person, self._side_px)
            for person in self._people
            if self._pictures == 1 or person.is_believed()
        ]

    def _turn_to(self, frame: Frame) -> None:
        scene = self._scenes.number(frame)
        if scene < self._scene:
            # It was a flash, not a cut; who was seen only in its light was there before.
            self._people = [person for person in self._people if person.scene <= scene]
        self._scene = scene
        if self._pictures:
            gap_s = frame.time_s - self._time_s
            self._gap_s = gap_s if self._pictures == 1 else (self._gap_s + gap_s) / 2
        self._pictures += 1
        self._time_s = frame.time_s

    def _present(self, time_s: float) -> list[_Person]:
        """Those of this scene who may still be seen again."""
        lost_s = max(LOST_S, LOST_SAMPLES * self._gap_s)
        return [
            person
            for person in self._people
            if person.scene == self._scene and time_s - person.times_s[-1] <= lost_s
        ]

    def _costs(
        self, people: list[_Person], faces: Faces, looks: Sequence[Float32], time_s: float
    ) -> Float32:
        """How little each person and each face agree, float32 [P, F]; inf where they cannot."""
        if not people or not len(faces):
            return np.empty((len(people), len(faces)), np.float32)
        expected = _expected(people, time_s)
        moves = motion_cost(expected, geometry.centers(faces.boxes), geometry.sides(faces.boxes))
        missed = expected.age_s > max(BRIDGE_S, BRIDGE_SAMPLES * self._gap_s)
        strictness = np.where(missed, np.float32(2), np.float32(1))[:, None]
        unlike = appearance_cost(
            np.stack([person.appearance for person in people]), np.stack(looks)
        )
        # Squares, since errors that are independent and roughly normal add that way.
        costs = moves**2 + (strictness * unlike) ** 2
        return np.where(moves <= 1, costs, np.float32(np.inf))

    def _welcome(self, appearance: Float32) -> _Person:
        self._count += 1
        crops = CropChoice(self._max_crops)
        person = _Person(self._count, self._scene, appearance, crops, self._pictures)
        self._people.append(person)
        return person

    def _keep_crop(self, person: _Person, frame: Frame, faces: Faces, face: int) -> None:
        landmarks = faces.landmarks[face]
        try:
            rgb = face_crop(frame.rgb, landmarks, self._side_px)
        except ValueError:
            return  # the landmarks lie outside the picture: followed, but not judged
        size_px = float(geometry.sides(faces.boxes[face : face + 1])[0])
        crop = Crop(frame.time_s, rgb, sharpness(rgb), frontality(landmarks), size_px)
        person.crops.add(crop)

    def _bound_memory(self) -> None:
        """Drop the shortest tracks above MOST_TRACKS, those out of the picture first."""
        while len(self._people) > MOST_TRACKS:
            gone = [person for person in self._people if person.last_picture < self._pictures]
            least = min(gone or self._people, key=lambda person: len(person.times_s))
            self._people.remove(least)


def _expected(people: list[_Person], time_s: float) -> Expected:
    return Expected(
        middle=np.stack([person.expected(time_s) for person in people]),
        size_px=geometry.sides(np.stack([person.boxes[-1] for person in people])),
        age_s=np.array([time_s - person.times_s[-1] for person in people], np.float32),
        heading_known=np.array([len(person.times_s) > 1 for person in people]),
    )


def _crowded(boxes: Float32) -> list[bool]:
    """Which boxes overlap another one, so that each shows something of the other."""
    overlap = geometry.iou(boxes, boxes) - np.eye(len(boxes), dtype=np.float32)
    return [bool(row.max(initial=0) > CLOSE) for row in overlap]


def _to_track(person: _Person, side_px: int) -> Track:
    crops = list(person.crops)
    empty: Uint8 = np.empty((0, side_px, side_px, 3), np.uint8)
    return Track(
        id=person.id,
        times_s=np.array(person.times_s, np.float64),
        boxes=np.stack(person.boxes),
        crops=np.stack([crop.rgb for crop in crops]) if crops else empty,
        crop_times_s=np.array([crop.time_s for crop in crops], np.float64),
        quality=np.array([crop.quality for crop in crops], np.float32),
        sharpness=np.array([crop.sharpness for crop in crops], np.float32),
        frontality=np.array([crop.frontality for crop in crops], np.float32),
        sizes_px=np.array([crop.size_px for crop in crops], np.float32),
    )
