"""One picture judged by mtcnn and Keras in a process of its own: P(fake) of each face, as JSON."""

from __future__ import annotations

import json
import sys

from benchmarks.peers.serve import speaker


def main(path: str, min_face_px: int) -> None:
    say = speaker()
    import cv2

    from benchmarks.peers.plain import Plain

    plain = Plain(min_face_px)
    say(faces=plain.p_fake(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
