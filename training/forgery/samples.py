"""The two samples that come with the service, a genuine and a forged film, with clear answers.

Both pan slowly over a portrait that is in the public domain. The forged one is a self-blend of the
astronaut's; the first draw is taken that the served model calls fake. Made anew with new weights:
`python -m training.forgery.samples`. It needs the points of examples.public_faces().
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

OUT = Path(__file__).resolve().parents[2] / "server" / "web" / "static"
GENUINE, FORGED = "sample-genuine.mp4", "sample-manipulated.mp4"
SIDE_PX, FPS, SECONDS = 480, 15, 4
FACE_SHARES = (0.19, 0.21)  # of the picture that the face takes at the start and at the end
DRAWS = 400
LEANING = 0.9  # mean P(fake) of a few pictures, below which no film is made of a draw


def write(faces: Faces, out: Path = OUT) -> None:
    """Both films into `out`. Raises ValueError where the model's answer to one is not clear."""
    collins, hopper = pictures()
    analyzer, scorer = Analyzer(AnalysisOptions()), Scorer(AnalysisOptions().model)
    film(hopper, out / GENUINE)
    if label(analyzer, out / GENUINE) != "real":
        raise ValueError("the model sees something in the genuine portrait; take another one")
    for seed in range(DRAWS):
        portrait = forged(collins, faces, np.random.default_rng(seed))
        if leaning(portrait, scorer) < LEANING:
            continue
        film(portrait, out / FORGED)
        if label(analyzer, out / FORGED) == "fake":
            return
    raise ValueError(f"none of {DRAWS} draws is called fake")


def leaning(portrait: Uint8, scorer: Scorer) -> float:
    """Mean P(fake) of a few pictures of the film."""
    views = list(zoomed(portrait))[:: FPS * SECONDS // 3]
    finder = FaceFinder()
    crops = [face_crop(view, finder.find(view).landmarks[0], scorer.side_px) for view in views]
    return float(scorer.p_fake(np.stack(crops)).mean())


def label(analyzer: Analyzer, path: Path) -> str:
    return analyzer.analyze(MediaFile(path)).label


def forged(portrait: Uint8, faces: Faces, rng: np.random.Generator) -> Uint8:
    """The portrait of the first of `faces`, in which the face is a self-blend."""
    landmarks = FaceFinder().find(portrait).landmarks[0]
    made = self_blend(faces, 0, rng)
    before = face_crop(portrait, landmarks, made.fake.shape[0])
    x, y, side = face_square(landmarks)
    change = resize(made.fake, side).astype(np.int16) - resize(before, side)
    picture = portrait.astype(np.int16)
    picture[y : y + side, x : x + side] += change
    return np.clip(picture, 0, 255).astype(np.uint8)


def film(portrait: Uint8, path: Path) -> None:
    """A slow zoom towards the face, as H.264."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "21", "preset": "slow"})
        stream.width = stream.height = SIDE_PX
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(zoomed(portrait)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def zoomed(portrait: Uint8) -> Iterator[Uint8]:
    """What the film shows: uint8 [SIDE_PX, SIDE_PX, 3], closer and closer to the face."""
    x, y, side = face_square(FaceFinder().find(portrait).landmarks[0])
    middle = np.array([x + side / 2, y + side / 2])
    for part in np.linspace(*FACE_SHARES, FPS * SECONDS):
        scale = part * SIDE_PX / side
        shift = SIDE_PX / 2 - scale * middle
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        size = (SIDE_PX, SIDE_PX)
        view = cv2.warpAffine(
            portrait, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        yield np.asarray(view, np.uint8)


if __name__ == "__main__":
    write(public_faces())
