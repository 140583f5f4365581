"""The faces that fakes are made of: 468 points each, and the others that look alike."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay
from tqdm import tqdm

from models.preprocess import resize
from server.analysis.faces import FaceFinder
from training.data import crops as data
from training.data.crops import SIDE_PX
from training.forgery.donors import look_alikes
from training.forgery.mesh import FOLDER, POINTS, FaceMesh

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

FIVE = 5
KEEP_EVERY = 1000  # crops; at most this number is lost by a stop
NAME = "faces.npz"
FRAME_PX = 40  # around a crop so tight that no face is found in it: its edge, repeated
# The mean distance of the five points to the same places of the 468, in units of hypot(eye
# distance, eye-to-mouth distance). Median 0.03 on DFDC, 0.04 on FairFace; above lie profiles, which
# one of the two networks took for something else.
DISAGREEMENT = 0.12
SAME = ((33, 133), (362, 263), (4, 4), (61, 61), (291, 291))  # of the mesh: means of two points


@dataclass(frozen=True, slots=True)
class Faces:
    """N encoded reals with a face each; pixels are those of a side of SIDE_PX.

    `five` float32 [N, 5, 2] px in MTCNN's order, `points` float32 [N, 468, 2] px, `donors` int
    [N, K]: the faces of other people that look most alike, `identities` str [N]. `triangles` int
    [T, 3]: the points' triangulation, one for all. Raises ValueError where the shapes disagree.
    """

    images: tuple[bytes, ...]
    five: Float32
    points: Float32
    donors: NDArray[np.intp]
    identities: NDArray[Any]
    triangles: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.images)
        shapes = (self.five.shape, self.points.shape, self.donors.shape[:1], self.identities.shape)
        if shapes != ((count, FIVE, 2), (count, POINTS, 2), (count,), (count,)):
            raise ValueError(f"{count} faces with arrays of the shapes {shapes}")
        object.__setattr__(self, "triangles", _triangles(self.points))

    def __len__(self) -> int:
        return len(self.images)

    def picture(self, i: int) -> Uint8:
        """Face `i`, uint8 [SIDE_PX, SIDE_PX, 3]."""
        return picture(self.images[i])


def picture(image: bytes) -> Uint8:
    """An encoded crop at the size that fakes are made at. Raises ValueError if it is damaged."""
    rgb = data.decode(image)
    if rgb.shape[:2] == (SIDE_PX, SIDE_PX):
        return rgb
    if rgb.shape[0] == rgb.shape[1]:
        return resize(rgb, SIDE_PX)
    return np.asarray(cv2.resize(rgb, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def prepare(crops: data.Crops, cache: Path = FOLDER) -> Faces:
    """The reals of `crops` in which a face is found, by both networks at the same place.

    What was found lies in the folder `cache` in one file for all data, by the pictures' content:
    a run that is stopped goes on there, and pictures that are known are not looked at again.
    Raises ValueError if fewer than two faces are found: one has nobody to be swapped with.
    """
    reals = crops.take(np.flatnonzero(~crops.fake))
    known = _Known.read(cache / NAME)
    rows = known.look_at(reals.images)
    found, five, points, light = (known.columns[name][rows] for name in _Face._fields)
    seen = np.flatnonzero(found & (disagreement(five, points) <= DISAGREEMENT))
    if len(seen) < 2:
        raise ValueError(f"faces were found in {len(seen)} of {len(reals)} reals; two are needed")
    people = reals.identities[seen]
    donors = look_alikes(five[seen], light[seen], people)
    images = tuple(reals.images[i] for i in seen)
    return Faces(images, five[seen], points[seen], donors, people)


def disagreement(five: Float32, points: Float32) -> Float32:
    """Between the two networks that found a face, float32 [N]; see DISAGREEMENT."""
    eyes, mouth = five[:, :2].mean(axis=1), five[:, 3:].mean(axis=1)
    across, down = five[:, 1] - five[:, 0], mouth - eyes
    size = np.hypot(np.linalg.norm(across, axis=1), np.linalg.norm(down, axis=1))
    apart = np.linalg.norm(points[:, SAME].mean(axis=2) - five, axis=2).mean(axis=1)
    return np.asarray(apart / np.maximum(size, 1e-6), np.float32)


class _Face(NamedTuple):
    """What is known of one picture; zeros where no face was found in it."""

    found: bool
    five: Float32
    points: Float32
    light: Float32  # [3] in 0..1, the mean colour of the face


NOBODY = _Face(
    False,
    np.zeros((FIVE, 2), np.float32),
    np.zeros((POINTS, 2), np.float32),
    np.zeros(3, np.float32),
)


class _Known:
    """Pictures that were looked at, by their content's digest, and the file that keeps them."""

    def __init__(self, path: Path, keys: list[str], columns: dict[str, NDArray[Any]]) -> None:
        self._path = path
        self._rows = {key: row for row, key in enumerate(keys)}
        self.columns = columns

    @classmethod
    def read(cls, path: Path) -> _Known:
        """Raises ValueError if the file is damaged."""
        if not path.is_file():
            return cls(path, [], _columns([]))
        try:
            with path.open("rb") as file, np.load(file) as kept:
                columns = {name: kept[name] for name in _Face._fields}
                return cls(path, list(kept["keys"]), columns)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ValueError(f"{path} is damaged; remove it and run again: {error}") from error

    def look_at(self, images: tuple[bytes, ...]) -> NDArray[np.intp]:
        """The row of each picture. New ones are looked at, and kept every KEEP_EVERY of them."""
        keys = [hashlib.blake2b(image, digest_size=16).hexdigest() for image in images]
        new = {key: image for key, image in zip(keys, images, strict=True) if key not in self._rows}
        if new:
            finder, mesh, faces = FaceFinder(), FaceMesh(), []
            for key in tqdm(new, desc="faces", unit="crop", mininterval=1):
                faces.append((key, _face(new[key], finder, mesh)))
                if len(faces) == KEEP_EVERY:
                    self._keep(faces)
                    faces = []
            self._keep(faces)
        return np.array([self._rows[key] for key in keys], np.intp)

    def _keep(self, faces: list[tuple[str, _Face]]) -> None:
        self._rows |= {key: len(self._rows) + n for n, (key, _) in enumerate(faces)}
        new = _columns([face for _, face in faces])
        self.columns = {name: np.concatenate([self.columns[name], new[name]]) for name in new}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part.npz")  # a stop while writing leaves the file whole
        np.savez(part, keys=np.array(list(self._rows)), **self.columns)
        part.replace(self._path)


def _columns(faces: list[_Face]) -> dict[str, NDArray[Any]]:
    rows = [NOBODY, *faces]  # so that no faces give empty arrays of the right shapes
    return {name: np.array([getattr(f, name) for f in rows])[1:] for name in _Face._fields}


def _face(image: bytes, finder: FaceFinder, mesh: FaceMesh) -> _Face:
    try:
        rgb = picture(image)
    except ValueError as error:
        tqdm.write(f"one is left out: {error}")
        return NOBODY
    found = finder.find(rgb).landmarks
    if not len(found):
        frame = cv2.copyMakeBorder(rgb, *(FRAME_PX,) * 4, borderType=cv2.BORDER_REPLICATE)
        found = finder.find(np.asarray(frame, np.uint8)).landmarks - FRAME_PX
    if not len(found):
        return NOBODY
    points = mesh.points(rgb, found[0])
    inside = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    light = np.array(cv2.mean(rgb, inside)[:3], np.float32) / 255
    return _Face(True, found[0], points, light)


def _triangles(points: Float32) -> NDArray[np.intp]:
    """Delaunay's triangulation of the mean face, int [T, 3]."""
    centred = points - points.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True))
    mean = (centred / np.maximum(size, 1e-6)).mean(axis=0)
    return np.asarray(Delaunay(mean).simplices, np.intp)
