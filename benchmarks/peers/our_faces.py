"""Our detector: boxes [N, 4] xyxy px of one picture."""

from __future__ import annotations

import cv2

from benchmarks.peers.serve import Call, serve
from server.analysis.faces import FaceFinder


def make(min_face_px: int, thresholds: tuple[float, float, float]) -> Call:
    cv2.setNumThreads(1)  # as in the service
    finder = FaceFinder(min_face_px, thresholds)
    return lambda rgb: finder.find(rgb).boxes


if __name__ == "__main__":
    serve(make, ("ai-edge-litert", "opencv-python-headless", "numpy"))
