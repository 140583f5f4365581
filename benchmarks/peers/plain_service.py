"""The least service that judges pictures with mtcnn and Keras: Flask, and the networks loaded."""

from __future__ import annotations

import json
import sys

import cv2
import numpy as np
from flask import Flask, request

from benchmarks.peers.plain import Plain


def main(port: int, min_face_px: int, model: str) -> None:
    app = Flask(__name__)
    plain = Plain(min_face_px, model)

    @app.get("/healthz")
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    @app.post("/check-file")
    def check_file() -> dict[str, list[float]]:
        data = np.frombuffer(request.files["file"].read(), np.uint8)
        rgb = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        return {"faces": plain.p_fake(rgb)}

    app.run(port=port)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
