"""The mtcnn package on TensorFlow, with all its threads: boxes [N, 4] xyxy px of each picture."""

from __future__ import annotations

from mtcnn import MTCNN

from benchmarks.peers.serve import Call, serve


def make(min_face_px: int, thresholds: tuple[float, float, float]) -> Call:
    detector = MTCNN()
    names = "threshold_pnet", "threshold_rnet", "threshold_onet"
    settings = {"min_face_size": min_face_px, **dict(zip(names, thresholds, strict=True))}
    return lambda pictures: [
        [face["box"] for face in detector.detect_faces(rgb, box_format="xyxy", **settings)]
        for rgb in pictures
    ]


if __name__ == "__main__":
    serve(make, ("mtcnn", "tensorflow"))
