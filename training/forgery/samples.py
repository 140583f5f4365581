"""The two samples, a genuine and a forged film, with clear answers: for the service as H.264, for
the extension as VP9, which every browser plays.

Both come slowly closer to a portrait that is in the public domain. The forged one is a self-blend
of the astronaut's: the first draw that both served models call fake. New weights need new samples:
`python -m training.forgery.samples`. It needs the points that examples.public_faces() finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocess import face_crop, face_square, resize
from server.analysis.analyze import Analyzer
from server.analysis.faces import FaceFinder
from server.analysis.records import MediaFile
from server.analysis.scoring import Scorer
from server.terms import AnalysisOptions
from training.forgery.blends import self_blend
from training.forgery.examples import pictures, public_faces
from training.forgery.landmarks import Faces

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

ROOT = Path(__file__).resolve().parents[2]
PLACES = {".mp4": ROOT / "server" / "web" / "static", ".webm": ROOT / "extension/src/welcome"}
CODECS = {
    ".mp4": ("libx264", {"crf": "21", "preset": "slow"}, {"movflags": "+faststart"}),
    ".webm": ("libvpx-vp9", {"crf": "24", "b": "0"}, {}),
}  # of each container: the encoder, its options and the container's
GENUINE, FORGED = "sample-genuine", "sample-manipulated"
SIDE_PX, FPS, SECONDS = 480, 15, 4
ZOOM = (1.0, 1.12)  # at the start, when the portrait just fills the picture, and at the end
DRAWS = 1000
LEANING = 0.9  # mean P(fake) of a few pictures, below which no film is made of a draw


def write(faces: Faces) -> None:
    """Both films in both forms. Raises ValueError where the model's answer to one is not clear."""
    collins, hopper = pictures()
    analyzer, finder = Analyzer(AnalysisOptions()), FaceFinder()
    scorers = [Scorer("meso3"), Scorer("meso3-full")]  # of the browser, and of the service
    films(hopper, finder.find(hopper).landmarks[0], GENUINE)
    if labels(analyzer, GENUINE) != {"real"}:
        raise ValueError("the model sees something in the genuine portrait; take another one")
    landmarks = finder.find(collins).landmarks[0]
    for seed in range(DRAWS):
        portrait = forged(collins, landmarks, faces, np.random.default_rng(seed))
        if any(leaning(portrait, landmarks, scorer) < LEANING for scorer in scorers):
            continue
        films(portrait, landmarks, FORGED)
        if labels(analyzer, FORGED) == {"fake"}:
            return
    raise ValueError(f"none of {DRAWS} draws is called fake")


def labels(analyzer: Analyzer, name: str) -> set[str]:
    return {analyzer.analyze(MediaFile(path)).label for path in paths(name)}


def paths(name: str) -> list[Path]:
    """The files of a sample, one for each form."""
    return [folder / f"{name}{suffix}" for suffix, folder in PLACES.items()]


def forged(portrait: Uint8, landmarks: Float32, faces: Faces, rng: np.random.Generator) -> Uint8:
    """The portrait of the first of `faces`, in which the face is a self-blend."""
    made = self_blend(faces, 0, rng)
    before = face_crop(portrait, landmarks, made.fake.shape[0])
    x, y, side = face_square(landmarks)
    change = resize(made.fake, side).astype(np.int16) - resize(before, side)
    picture = portrait.astype(np.int16)
    picture[y : y + side, x : x + side] += change
    return np.clip(picture, 0, 255).astype(np.uint8)


def leaning(portrait: Uint8, landmarks: Float32, scorer: Scorer) -> float:
    """Mean P(fake) of a few pictures of the film."""
    crops = []
    for zoom in np.linspace(*ZOOM, 3):
        matrix = framing(portrait, landmarks, float(zoom))
        moved = landmarks @ matrix[:, :2].T + matrix[:, 2]
        crop = face_crop(framed(portrait, matrix), moved.astype(np.float32), scorer.side_px)
        crops.append(crop)
    return float(scorer.p_fake(np.stack(crops)).mean())


def films(portrait: Uint8, landmarks: Float32, name: str) -> None:
    """A slow zoom towards the face, in each form."""
    for path in paths(name):
        encode(zoomed(portrait, landmarks), path)


def encode(shown: Iterable[Uint8], path: Path) -> None:
    """The pictures uint8 [SIDE_PX, SIDE_PX, 3] as a film, coded as the suffix asks."""
    codec, options, container_options = CODECS[path.suffix]
    with av.open(str(path), "w", options=container_options) as container:
        stream = container.add_stream(codec, rate=FPS, options=options)
        stream.width = stream.height = SIDE_PX
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def zoomed(portrait: Uint8, landmarks: Float32) -> Iterator[Uint8]:
    """What the film shows: uint8 [SIDE_PX, SIDE_PX, 3], closer and closer to the face."""
    for zoom in np.linspace(*ZOOM, FPS * SECONDS):
        yield framed(portrait, framing(portrait, landmarks, float(zoom)))


def framing(portrait: Uint8, landmarks: Float32, zoom: float) -> Float32:
    """The map float32 [2, 3] that moves the face towards the middle, within the portrait."""
    height, width = portrait.shape[:2]
    x, y, side = face_square(landmarks)
    scale = zoom * SIDE_PX / min(height, width)
    shift = SIDE_PX / 2 - scale * np.array([x + side / 2, y + side / 2])
    shift = np.clip(shift, SIDE_PX - scale * np.array([width, height]), 0)
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)


def framed(portrait: Uint8, matrix: Float32) -> Uint8:
    how = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REPLICATE}
    return np.asarray(cv2.warpAffine(portrait, matrix, (SIDE_PX, SIDE_PX), **how), np.uint8)


if __name__ == "__main__":
    write(public_faces())
