"""Where in a face: places that look blended in, as regions with names and as a picture.

The map comes from a network of its own (models.registry.EvidenceMap), and is asked only where the
classifier leans towards fake. It is shown only if it passed its tests: models/cards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models import registry
from models.preprocess import resize, to_input
from server.analysis.pictures import MOST_FACES, crop_at, jpeg
from server.analysis.records import FacePicture, FaceVerdict, Float32, Moment, Track, Uint8
from server.analysis.runtimes.tflite import TfliteRuntime
from server.analysis.verdict import badness
from server.errors import ModelError

# A place belongs to the nearest of these points, in fractions of a crop from its middle (x, to
# both sides) and its top (y): models.preprocess.face_crop() puts eyes and mouth always there.
REGIONS: dict[str, tuple[tuple[float, float], ...]] = {
    "forehead": ((0.0, 0.06), (0.3, 0.06)),
    "eyes": ((0.2, 0.29),),
    "nose": ((0.0, 0.48),),
    "cheeks": ((0.33, 0.57),),
    "mouth": ((0.0, 0.74), (0.14, 0.74)),
    "chin": ((0.0, 0.95), (0.25, 0.97)),
}
LEAST_SHARE = 0.15  # of what is marked, for a region to be named: one of six always has it
OPACITY = (0.35, 0.8)  # of the heat, at the threshold and at twice the threshold


class Explainer:
    """One loaded evidence network. Belongs to one thread."""

    def __init__(self, evidence: registry.EvidenceMap, side_px: int) -> None:
        """`side_px`: the classifier's input. Raises ModelError if the file cannot be used."""
        try:
            self._runtime = TfliteRuntime(evidence.file.checked())
        except registry.RegistryError as error:
            raise ModelError(str(error)) from error
        self._threshold = evidence.threshold
        self._side_px = side_px

    def explain(
        self, faces: Sequence[FaceVerdict], tracks: Sequence[Track]
    ) -> tuple[tuple[FaceVerdict, ...], tuple[FacePicture, ...]]:
        """The faces with their moments' regions, and a picture of each moment that has some.

        Of the worst MOST_FACES faces, those not called real, where face and moment lean to fake.
        """
        by_id = {track.id: track for track in tracks}
        worst = {face.id for face in sorted(faces, key=badness)[:MOST_FACES]}
        pictures: list[FacePicture] = []
        explained: list[FaceVerdict] = []
        for face in faces:
            if face.id not in worst or face.label == "real" or (face.p_fake or 0) < 0.5:
                explained.append(face)
                continue
            moments = list(face.moments)
            for number, moment in enumerate(moments):
                crop = crop_at(by_id[face.id], moment)
                found = self._marked(crop, moment)
                if found is not None:
                    moments[number] = replace(moment, regions=regions(found, self._threshold))
                    shown = jpeg(overlay(crop, found, self._threshold))
                    pictures.append(FacePicture(face.id, number, "evidence", shown))
            explained.append(replace(face, moments=tuple(moments)))
        return tuple(explained), tuple(pictures)

    def _marked(self, crop: Uint8, moment: Moment) -> Float32 | None:
        """The crop's map, None where there is nothing to show."""
        if moment.p_fake < 0.5:
            return None
        found = self._runtime.run(to_input(resize(crop, self._side_px)[None]))
        if found.ndim != 3 or not np.isfinite(found).all():
            raise ModelError(f"the evidence network gave {found.shape}, not a finite map [1, h, w]")
        return found[0] if (found[0] >= self._threshold).any() else None


def regions(found: Float32, threshold: float) -> tuple[str, ...]:
    """Where the marked mass of a map float32 [h, w] lies, most first; never empty if any is."""
    marked = np.where(found >= threshold, found, 0.0).astype(np.float64)
    owners = _owners(*found.shape)
    shares = [marked[owners == n].sum() for n in range(len(REGIONS))]
    order = np.argsort(shares)[::-1]
    total = max(1e-9, float(marked.sum()))
    names = list(REGIONS)
    return tuple(names[n] for n in order if shares[n] >= LEAST_SHARE * total)


def _owners(height: int, width: int) -> NDArray[np.intp]:
    """Of each place of a map, which region it belongs to: its number, int [h, w]."""
    y, x = np.mgrid[:height, :width]
    across, down = np.abs((x + 0.5) / width - 0.5), (y + 0.5) / height
    nearest = [
        np.min([np.hypot(across - px, down - py) for px, py in points], axis=0)
        for points in REGIONS.values()
    ]
    return np.asarray(np.argmin(nearest, axis=0), np.intp)


def overlay(rgb: Uint8, found: Float32, threshold: float) -> Uint8:
    """A crop uint8 [S, S, 3] in grey, with what a map marks in colour: brighter where it is surer.

    The colours grow in brightness too, so that they can be told apart without seeing colour.
    """
    side = rgb.shape[0]
    large = cv2.resize(found, (side, side), interpolation=cv2.INTER_CUBIC)
    heat = np.clip(large / threshold - 1, 0, 1).astype(np.float32)
    levels = np.rint(255 * (0.45 + 0.5 * heat)).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1]
    marked = (large >= threshold).astype(np.float32)
    low, high = OPACITY
    share = cv2.GaussianBlur(marked * (low + (high - low) * heat), (0, 0), 1.0)[..., None]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None]
    return np.asarray(np.rint(grey * (1 - share) + colours * share), np.uint8)
