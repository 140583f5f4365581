"""What there is to see of a verdict: each face at its strongest moments, as JPEG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from server.analysis.records import FacePicture, FaceVerdict, Moment, Track, Uint8
from server.analysis.verdict import badness

MOST_FACES = 12  # the worst ones: bounds what is kept of a picture of a crowd
JPEG_QUALITY = 85


def face_pictures(faces: Sequence[FaceVerdict], tracks: Sequence[Track]) -> tuple[FacePicture, ...]:
    """The crop that was scored at each moment of the worst MOST_FACES faces, worst first."""
    by_id = {track.id: track for track in tracks}
    worst = sorted(faces, key=badness)[:MOST_FACES]
    return tuple(picture for face in worst for picture in _of(face, by_id[face.id]))


def _of(face: FaceVerdict, track: Track) -> Iterator[FacePicture]:
    for number, moment in enumerate(face.moments):
        yield FacePicture(face.id, number, "face", jpeg(crop_at(track, moment)))


def crop_at(track: Track, moment: Moment) -> Uint8:
    """The crop uint8 [S, S, 3] that was scored at one of the track's moments."""
    at = int(np.searchsorted(track.crop_times_s, moment.time_s))
    return np.asarray(track.crops[at], np.uint8)


def jpeg(rgb: Uint8) -> bytes:
    """`rgb` uint8 [H, W, 3] as a JPEG file."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    written, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert written
    return encoded.tobytes()
