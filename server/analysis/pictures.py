"""What there is to see of a verdict: each face at its strongest moments, and the whole picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from server.analysis.records import FacePicture, FaceVerdict, Frame, Moment, Track, Uint8
from server.analysis.verdict import badness

MOST_FACES = 12  # the worst ones: bounds what is kept of a picture of a crowd
JPEG_QUALITY = 85
MOST_FRAME_FACES = 3  # the worst ones
FRAME_PX, FRAME_QUALITY = 480, 75  # the longer side: enough to know the scene by


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


class SmallFrames:
    """Every picture that was looked at, small, until it is known which are the strongest moments.

    As JPEG each takes some 20 kB, so that those of the longest check stay far below its memory.
    """

    def __init__(self) -> None:
        self._jpegs: dict[float, bytes] = {}

    def add(self, frame: Frame) -> None:
        self._jpegs[frame.time_s] = jpeg(small(frame.rgb, FRAME_PX), FRAME_QUALITY)

    def pictures(self, faces: Sequence[FaceVerdict]) -> tuple[FacePicture, ...]:
        """The whole picture at each moment of the worst MOST_FRAME_FACES faces."""
        return tuple(
            FacePicture(face.id, number, "frame", found)
            for face in sorted(faces, key=badness)[:MOST_FRAME_FACES]
            for number, moment in enumerate(face.moments)
            if (found := self._jpegs.get(moment.time_s))
        )


def small(rgb: Uint8, longer_px: int) -> Uint8:
    """`rgb` uint8 [H, W, 3] with a longer side of `longer_px`, or as it is if that is larger.

    In halves as far as they go, which takes a seventh of the time of shrinking by area at once.
    """
    while max(rgb.shape[:2]) >= 2 * longer_px and min(rgb.shape[:2]) > 1:
        height, width = (side // 2 for side in rgb.shape[:2])
        even = rgb[: 2 * height, : 2 * width]
        rgb = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    height, width = rgb.shape[:2]
    scale = min(1.0, longer_px / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def jpeg(rgb: Uint8, quality: int = JPEG_QUALITY) -> bytes:
    """`rgb` uint8 [H, W, 3] as a JPEG file."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    written, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert written
    return encoded.tobytes()
