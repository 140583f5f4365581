"""facenet-pytorch's MTCNN, in one thread: boxes [N, 4] xyxy px of each picture."""

from __future__ import annotations

import torch
from facenet_pytorch import MTCNN

from benchmarks.peers.serve import Call, serve


def make(min_face_px: int, thresholds: tuple[float, float, float]) -> Call:
    torch.set_num_threads(1)
    detector = MTCNN(
        min_face_size=min_face_px, thresholds=list(thresholds), keep_all=True, device="cpu"
    )

    def find(rgb):
        boxes, _ = detector.detect(rgb)
        return [] if boxes is None else boxes.tolist()

    return lambda pictures: [find(rgb) for rgb in pictures]


if __name__ == "__main__":
    serve(make, ("facenet-pytorch", "torch", "torchvision"))
