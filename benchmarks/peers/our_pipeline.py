"""One check of one file by our analysis: reports when it is ready, has a first verdict, has ended.

With as many threads as a service with one worker gives to a check.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.peers.serve import speaker


def main(path: str, samples_per_s: float, min_face_px: int, model: str) -> None:
    say = speaker()
    import numpy as np

    from server.analysis.analyze import Analyzer
    from server.analysis.cuts import thumbnail
    from server.analysis.records import MediaFile, Progress
    from server.config import Settings
    from server.terms import AnalysisOptions

    options = AnalysisOptions(samples_per_s=samples_per_s, min_face_px=min_face_px, model=model)
    analyzer = Analyzer(options, threads=Settings().cores)
    thumbnail(np.zeros((100, 100, 3), np.uint8))  # as the service's fork server does
    say(event="ready", at_s=time.monotonic(), cpu_s=time.process_time())
    tentative_s: list[float] = []

    def note(progress: Progress) -> None:
        if progress.partial is not None and not tentative_s:
            tentative_s.append(time.monotonic())

    verdict = analyzer.analyze(MediaFile(Path(path)), note)
    answer_s, cpu_s = time.monotonic(), time.process_time()
    say(event="tentative", at_s=tentative_s[0])
    say(
        event="answer",
        at_s=answer_s,
        cpu_s=cpu_s,
        label=verdict.label,
        p_fake=verdict.p_fake,
        pictures=len(verdict.sampled_s),
        faces=sum(len(face.samples) for face in verdict.faces),
        timing_s=verdict.timing_s,
    )


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
