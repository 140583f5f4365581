"""Faces as the decoder of a diffusion model draws them: into its latent space and back.

Every picture of a latent diffusion model leaves by such a decoder. A real that passes through the
autoencoder alone bears the decoder's traces and nothing else that would tell it from its real, so
that what is learned of it holds for other models (Rajan et al., "Aligned datasets improve detection
of latent diffusion-generated images", ICLR 2025; Guillaro et al., "A bias-free training paradigm
for more general AI-generated image detection", CVPR 2025).

The network, taef2.keras, is TAEF2: the autoencoder of FLUX.2, distilled by Ollin Boer Bohan (MIT,
see taef2.LICENSE; madebyollin/taesd at 5cccb12), float16.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models import keras_files
from models.preprocess import resize
from training.data.crops import SIDE_PX
from training.forgery import hulls, views
from training.forgery.blends import affine, covered, similarity
from training.forgery.landmarks import Faces, picture
from training.forgery.mesh import FOLDER
from training.forgery.pair import Forgery, laid_over

Uint8 = NDArray[np.uint8]

NETWORK = Path(__file__).with_name("taef2.keras")
KEPT = FOLDER / "reconstructed"
SIDES_PX = (128, 160, 192, 224, 224, 256, 288)  # of a picture on its way through; multiples of 8
EVERY = 3  # of so many faces one is reconstructed: each takes half a second of a core, once
COARSE_PX = 8  # colours are the real's: the distilled decoder moves them all alike
OWN = 0.5  # share of faces laid over themselves; the others over a look-alike


def reconstructed_picture(faces: Faces, i: int, rng: np.random.Generator) -> Forgery:
    """All of the picture drawn by a decoder. The real is scaled as the fake is, and both are shown
    in the same light, so that neither tells."""
    pair, seed = reconstructed(faces.images[i]), int(rng.integers(1 << 32))
    real, fake = (views.start(rgb, np.random.default_rng(seed)) for rgb in pair)
    return Forgery(real, fake, np.ones((SIDE_PX, SIDE_PX), np.float32))


def reconstructed_face(faces: Faces, i: int, rng: np.random.Generator) -> Forgery:
    """The face, or one that looks alike, as a decoder draws it, coloured alike, laid in by a soft
    hull: what a swapping network of today leaves."""
    target = views.start(faces.picture(i), rng)
    alike = [donor for donor in faces.donors[i] if donor % EVERY == 0]
    own = rng.random() < OWN or not alike
    donor = i if own else int(rng.choice(alike))
    matrix = (affine if rng.random() < 0.5 else similarity)(faces.points[donor], faces.points[i])
    hull = hulls.hard(faces.points[i], rng, hulls.FACES) * covered(matrix, SIDE_PX)
    mask = hulls.soft(hulls.bent(hull, rng), rng) * np.float32(rng.choice(hulls.RATIOS[2:]))
    _, drawn = reconstructed(faces.images[donor])
    edge, size = cv2.BORDER_REFLECT, (SIDE_PX, SIDE_PX)
    view = cv2.warpAffine(drawn, matrix, size, flags=cv2.INTER_CUBIC, borderMode=edge)
    return laid_over(views.matched(np.asarray(view, np.uint8), target, hull, rng), target, mask)


def reconstructed(image: bytes, folder: Path | None = None) -> tuple[Uint8, Uint8]:
    """An encoded real and its reconstruction, both scaled alike, uint8 [SIDE_PX, SIDE_PX, 3].

    The picture's content decides at which of SIDES_PX it passes through the network. What came out
    lies in `folder` (default: KEPT), so that it is computed once. Raises ValueError if the picture
    is damaged.
    """
    digest = hashlib.blake2b(image, digest_size=16)
    side = SIDES_PX[int.from_bytes(digest.digest()[:4], "big") % len(SIDES_PX)]
    real = _scaled(picture(image), side)
    path = (folder or KEPT) / f"{digest.hexdigest()}.png"
    fake = cv2.imread(str(path)) if path.is_file() else None
    if fake is None or fake.shape != real.shape:  # none, or one that a stop has damaged
        fake = _drawn(real)
        _keep(fake, path)
    return resize(real, SIDE_PX), resize(np.asarray(fake, np.uint8), SIDE_PX)


def reconstruct(faces: Faces) -> None:
    """All that will be asked for, so that no batch waits; a run that is stopped goes on there."""
    for image in tqdm(faces.images[::EVERY], desc="decoder", unit="face", mininterval=1):
        reconstructed(image)


def _drawn(rgb: Uint8) -> Uint8:
    """`rgb` uint8 [S, S, 3] as the decoder draws it, with the coarse colours that it had."""
    from keras import ops

    real = rgb.astype(np.float32)
    fake = 255 * ops.convert_to_numpy(_network()(real[None] / 255, training=False))[0]
    fake += cv2.GaussianBlur(real - fake, (0, 0), COARSE_PX)
    return np.clip(np.rint(fake), 0, 255).astype(np.uint8)


@cache
def _network() -> Any:
    return keras_files.load(NETWORK)


def _scaled(rgb: Uint8, side: int) -> Uint8:
    how = cv2.INTER_CUBIC if side > rgb.shape[0] else cv2.INTER_AREA
    return np.asarray(cv2.resize(rgb, (side, side), interpolation=how), np.uint8)


def _keep(rgb: Uint8, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{os.getpid()}-{path.name}")
    cv2.imwrite(str(part), rgb, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    part.replace(path)  # whole or not at all
