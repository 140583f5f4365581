"""A page of examples to look at: of each kind the real, the fake, the mask, and what is left of
both after a way through the media."""

from __future__ import annotations

import html
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.preprocess import face_crop
from server.analysis.faces import FaceFinder
from training.data import crops as data
from training.data.crops import SIDE_PX
from training.forgery.kinds import KINDS, Kind
from training.forgery.landmarks import Faces, prepare
from training.forgery.media import treat

Uint8 = NDArray[np.uint8]

COLUMNS = ("real", "fake", "mask", "real after media", "fake after media")
SEED = 1


def write(faces: Faces, out: Path, count: int = 12) -> Path:
    """A sheet out/KIND.png for each kind, `count` examples below each other; out/overview.jpg with
    the first two of each, at half the size; returns the page."""
    out.mkdir(parents=True, exist_ok=True)
    parts, firsts = [], []
    for name, kind in KINDS.items():
        picture = sheet(faces, kind, count)
        cv2.imwrite(str(out / f"{name}.png"), picture[..., ::-1])
        firsts.append(picture[: 2 * SIDE_PX])
        what = html.escape((kind.make.__doc__ or "").split("\n\n")[0])
        width = picture.shape[1]
        parts.append(
            f"<h2>{name}</h2><p>{what}</p><p>{' | '.join(COLUMNS)}</p>"
            f'<img src="{name}.png" alt="{name}" width="{width}">'
        )
    overview = cv2.resize(np.vstack(firsts), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
    cv2.imwrite(str(out / "overview.jpg"), overview[..., ::-1], quality)
    page = out / "index.html"
    title = "Fakes of our own"
    head = f'<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>'
    page.write_text("\n".join([head, *parts]) + "\n")
    return page


def sheet(faces: Faces, kind: Kind, count: int) -> Uint8:
    """`count` rows of COLUMNS, uint8 [count * SIDE_PX, 5 * SIDE_PX, 3]."""
    rng = np.random.default_rng(SEED)
    rows = []
    for i in np.resize(rng.permutation(len(faces)), count):
        made = kind.make(faces, int(i), rng)
        after = treat(made.real, made.fake, rng)
        mask = np.repeat(np.rint(made.mask * 255).astype(np.uint8)[..., None], 3, axis=2)
        rows.append(np.hstack([made.real, made.fake, mask, after.real, after.fake]))
    return np.vstack(rows)


def public_faces() -> Faces:
    """The faces of `portraits`; of these two each is the other's look-alike."""
    with tempfile.TemporaryDirectory() as cache:
        return prepare(portraits(), Path(cache))


def pictures() -> tuple[Uint8, Uint8]:
    """Two portraits that are in the public domain and come with packages: Eileen Collins (NASA, in
    scikit-image) and Grace Hopper (US Navy, in matplotlib)."""
    import matplotlib
    from skimage.data import astronaut

    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return np.ascontiguousarray(astronaut()), data.decode(hopper.read_bytes())


def portraits() -> data.Crops:
    """The faces of pictures(), cut out."""
    finder, images = FaceFinder(), []
    for portrait in pictures():
        crop = face_crop(portrait, finder.find(portrait).landmarks[0], SIDE_PX)
        images.append(cv2.imencode(".png", crop[..., ::-1])[1].tobytes())
    names = ("real/collins.png", "real/hopper.png")
    people = np.array(names)
    return data.Crops(names, tuple(images), np.zeros(len(names), bool), people, people)
