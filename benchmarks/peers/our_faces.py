"""Our detector: boxes [N, 4] xyxy px of each of several pictures, uint8 [P, H, W, 3]."""

from __future__ import annotations

import cv2

from benchmarks.peers.serve import Call, serve
from server.analysis.faces import FaceFinder
from server.analysis.finding import find_each
from server.analysis.records import Frame


def make(min_face_px: int, thresholds: tuple[float, float, float], threads: int) -> Call:
    cv2.setNumThreads(1)  # as in the service
    finder = FaceFinder(min_face_px, thresholds)

    def find(pictures):
        # So far apart that all sizes are looked for in each.
        frames = (Frame(number, 10.0 * number, rgb) for number, rgb in enumerate(pictures))
        return [faces.boxes.tolist() for _, faces in find_each(finder, frames, threads)]

    return find


if __name__ == "__main__":
    serve(make, ("ai-edge-litert", "opencv-python-headless", "numpy"))
