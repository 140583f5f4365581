"""The two samples that come with the service, a genuine and a forged film, with clear answers.

Both come slowly closer to a portrait that is in the public domain. The forged one is a self-blend
of the astronaut's: the first draw that the served model calls fake. New weights need new samples:
`python -m training.forgery.samples`. It needs the points that examples.public_faces() finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocess import face_crop, face_square, resize
from server.analysis.analyze import Analyzer
from server.analysis.faces import FaceFinder
from server.analysis.records import AnalysisOptions, MediaFile
from server.analysis.scoring import Scorer
from training.forgery.blends import self_blend
from training.forgery.examples import pictures, public_faces
from training.forgery.landmarks import Faces

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

OUT = Path(__file__).resolve().parents[2] / "server" / "web" / "static"
GENUINE, FORGED = "sample-genuine.mp4", "sample-manipulated.mp4"
SIDE_PX, FPS, SECONDS = 480, 15, 4
ZOOM = (1.0, 1.12)  # at the start, when the portrait just fills the picture, and at the end
DRAWS = 400
LEANING = 0.95  # mean P(fake) of a few pictures, below which no film is made of a draw


def write(faces: Faces, out: Path = OUT) -> None:
    """Both films into `out`. Raises ValueError where the model's answer to one is not clear."""
    collins, hopper = pictures()
    analyzer, scorer, finder = Analyzer(AnalysisOptions()), Scorer("meso3"), FaceFinder()
    film(hopper, finder.find(hopper).landmarks[0], out / GENUINE)
    if label(analyzer, out / GENUINE) != "real":
        raise ValueError("the model sees something in the genuine portrait; take another one")
    landmarks = finder.find(collins).landmarks[0]
    for seed in range(DRAWS):
        portrait = forged(collins, landmarks, faces, np.random.default_rng(seed))
        if leaning(portrait, landmarks, scorer) < LEANING:
            continue
        film(portrait, landmarks, out / FORGED)
        if label(analyzer, out / FORGED) == "fake":
            return
    raise ValueError(f"none of {DRAWS} draws is called fake")


def label(analyzer: Analyzer, path: Path) -> str:
    return analyzer.analyze(MediaFile(path)).label


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


def film(portrait: Uint8, landmarks: Float32, path: Path) -> None:
    """A slow zoom towards the face, as H.264."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "21", "preset": "slow"})
        stream.width = stream.height = SIDE_PX
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(zoomed(portrait, landmarks)):
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
