"""One check's work on 720p frames, over and over: `python -m benchmarks.gpu_client SECONDS [LINE]`.

LINE: the two descriptors of a line to the networks' process; without, TFLite. It prints `ready`,
waits for a line on standard input, and prints how many frames and faces it looked at.
"""

from __future__ import annotations

import json
import sys
import time

import cv2
import numpy as np

from models.preprocess import face_crop
from server.analysis.faces import FaceFinder
from server.analysis.records import Uint8
from server.analysis.scoring import Scorer
from server.gpu.channel import Channel
from server.launch import SAMPLE

WIDTH, SHIFT = 1280, 8
WARM = 8  # frames before it counts: each new size of a batch is compiled once


def frame(number: int) -> Uint8:
    """Three faces, a little further to the right in each frame."""
    face = cv2.resize(cv2.imread(str(SAMPLE))[..., ::-1], (400, 400))
    row = np.tile(face, (1, 3, 1))
    whole = np.pad(row, ((160, 160), (40, 40), (0, 0)), mode="edge")
    return np.ascontiguousarray(np.roll(whole, SHIFT * number, axis=1), np.uint8)


def main(seconds: float, line: Channel | None) -> tuple[int, int]:
    cv2.setNumThreads(1)
    finder, scorer = FaceFinder(40, networks=line), Scorer("meso3", line)
    frames = [frame(number) for number in range(WIDTH // SHIFT)]

    def look(rgb: Uint8) -> int:
        faces = finder.find(rgb)
        crops = [face_crop(rgb, marks, scorer.side_px) for marks in faces.landmarks]
        return len(scorer.p_fake(np.stack(crops))) if crops else 0

    for rgb in frames[-WARM:]:
        look(rgb)
    scorer.forget()
    print("ready", flush=True)
    sys.stdin.readline()
    start, seen, found = time.monotonic(), 0, 0
    while time.monotonic() < start + seconds:
        found += look(frames[seen % len(frames)])
        seen += 1
        scorer.forget()
    return seen, found


if __name__ == "__main__":
    ends = [int(descriptor) for descriptor in sys.argv[2:]]
    print(json.dumps(main(float(sys.argv[1]), Channel(*ends) if ends else None)))
