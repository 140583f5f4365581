"""The faces of a clip as the service sees them: its own reader, detector, tracks and framing."""

from __future__ import annotations

from functools import cache

import numpy as np

from server.analysis.faces import FaceFinder
from server.analysis.records import Track
from server.analysis.tracks import Tracker
from server.analysis.video import MediaReader
from training.data.crops import SIDE_PX, Uint8, decode
from training.data.sources import Clip

SAMPLES_PER_S = 3.0
MAX_SAMPLES = 720
MIN_FACE_PX = 40


class NoFaceError(ValueError):
    """Nobody was found in the clip."""


def person(clip: Clip, max_crops: int, side_px: int = SIDE_PX) -> Track:
    """The person who fills the most of the clip, with at most `max_crops` crops.

    A crop that lies in an archive is taken as it is. Raises NoFaceError; AppError or ValueError if
    the file cannot be read.
    """
    if clip.crop is not None:
        return _as_it_is(decode(clip.crop()))
    tracker = Tracker(side_px, max_crops)
    finder = _finder()
    with MediaReader(clip.path) as reader:
        for frame in reader.frames(SAMPLES_PER_S, MAX_SAMPLES):
            tracker.add(frame, finder.find(frame.rgb))
    tracks = [track for track in tracker.tracks() if len(track.crops)]
    if not tracks:
        raise NoFaceError("no face was found")
    return max(tracks, key=_area)


def _area(track: Track) -> float:
    return float(np.prod(track.boxes[:, 2:] - track.boxes[:, :2], axis=1).sum())


@cache
def _finder() -> FaceFinder:
    return FaceFinder(MIN_FACE_PX)


def _as_it_is(crop: Uint8) -> Track:
    side = np.float32(max(crop.shape))
    whole = np.array([[0, 0, side, side]], np.float32)
    ones = np.ones(1, np.float32)
    zero = np.zeros(1, np.float64)
    return Track(1, zero, whole, crop[None], zero, ones, ones, ones, ones * side)
