"""One check of one file as it is usually built: reports when it is ready and when it answered."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.peers.serve import speaker


def main(path: str, samples_per_s: float, min_face_px: int, model: str) -> None:
    say = speaker()
    from benchmarks.peers.decoder import opencv
    from benchmarks.peers.plain import Plain

    plain = Plain(min_face_px, model)
    say(event="ready", at_s=time.monotonic(), cpu_s=time.process_time())
    scores = [plain.p_fake(rgb) for _, rgb in opencv(Path(path), samples_per_s)]
    p_fakes = [p for picture in scores for p in picture]
    say(
        event="answer",
        at_s=time.monotonic(),
        cpu_s=time.process_time(),
        label=plain.label(p_fakes),
        p_fake=sum(p_fakes) / len(p_fakes) if p_fakes else None,
        pictures=len(scores),
        faces=len(p_fakes),
    )


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
