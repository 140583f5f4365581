"""From P(fake) over time to a label with reasons.

What the scores of a person are worth together, weighing.py tells. Whatever it finds, a face is
inconclusive where too few crops can be judged, for a reason that names what is wrong with them, and
no label is given that a re-encode, a small resize or a small shift turns round (stability.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from server.analysis.evidence import estimate, to_logits
from server.analysis.likelihood import Pictures
from server.analysis.records import (
    DetectorUse,
    FaceVerdict,
    Float32,
    Float64,
    MediaInfo,
    ModelUse,
    Moment,
    Sample,
    Track,
    TrackScores,
    Verdict,
)
from server.analysis.stability import Score, is_stable
from server.analysis.weighing import Rules, Weighed, label_of, weigh
from server.terms import WORST_FIRST, AnalysisOptions, MediaLabel, Reason

MOST_MOMENTS = 3
MOMENTS_APART_S = 1.0  # neighbouring pictures show the same


@dataclass(frozen=True, slots=True)
class Analyzed:
    """What was looked at, and with what."""

    media: MediaInfo
    media_sha256: str
    analyzed_s: tuple[float, float]
    sampled_s: tuple[float, ...]
    cut_short: bool
    stopped_early: bool
    model: ModelUse
    detector: DetectorUse
    options: AnalysisOptions


def judge(
    track: Track, scores: TrackScores, rules: Rules, score: Score | None = None
) -> FaceVerdict:
    """The verdict on one person. `scores` has one value per crop of `track`.

    With `score`, which scores further crops, a label must also be stable.
    """
    usable, causes = _usable(track, rules)
    found = _weighed(track, scores, usable, causes, rules)
    if score and found and not _holds(track, scores, usable, found, score):
        found = replace(found, level="inconclusive", reasons=("unstable",), run=None)
    # Followed, but never wholly in the picture: then there are no crops, and no causes.
    reasons = found.reasons if found else causes or ("too-few-frames",)
    level = found.level if found else "inconclusive"
    return FaceVerdict(
        id=track.id,
        label=label_of(level),
        p_fake=found.answer.p_fake if found else None,
        interval=found.answer.interval(found.z) if found else None,
        reasons=reasons,
        start_s=float(track.times_s[0]),
        end_s=float(track.times_s[-1]),
        samples=_samples(track, scores),
        moments=_moments(track.crop_times_s[usable], scores.p_fake[usable]),
        level=level,
        ratio=found.ratio if found else None,
        crops=int(usable.sum()),
        stretch_s=_span(track.crop_times_s[usable], found.run) if found and found.run else None,
    )


def _span(times_s: Float64, run: tuple[int, int]) -> tuple[float, float]:
    """When the first and the last crop of a run were seen."""
    start, stop = run
    return float(times_s[start]), float(times_s[stop - 1])


def _weighed(
    track: Track,
    scores: TrackScores,
    usable: NDArray[np.bool_],
    causes: tuple[Reason, ...],
    rules: Rules,
) -> Weighed | None:
    """What the usable crops tell; None where there are none."""
    if not usable.any():
        return None
    logits = to_logits(scores.p_fake[usable])
    if len(logits) < rules.min_crops:
        answer = estimate(logits, rules.usual)
        return Weighed("inconclusive", answer, reasons=("too-few-frames", *causes))
    pictures = Pictures(logits, track.sharpness[usable], track.sizes_px[usable])
    return weigh(pictures, track.crop_times_s[usable], rules)


def _holds(
    track: Track, scores: TrackScores, usable: NDArray[np.bool_], found: Weighed, score: Score
) -> bool:
    """Whether a label, if there is one, is stable."""
    if found.level not in ("fake", "real"):
        return True
    crops, p_fake, quality = track.crops[usable], scores.p_fake[usable], track.quality[usable]
    return is_stable(crops, p_fake, quality, found.level == "fake", score)


def of_network(track: Track, scores: TrackScores, rules: Rules) -> float | None:
    """The mean P(fake) of the usable crops, as a network scored them; None where there are none."""
    usable, _ = _usable(track, rules)
    logits = to_logits(scores.p_fake[usable])
    return estimate(logits, rules.usual).p_fake if len(logits) else None


def _usable(track: Track, rules: Rules) -> tuple[NDArray[np.bool_], tuple[Reason, ...]]:
    """Which crops can be judged, bool [K], and what is wrong with most of the others."""
    faults: dict[Reason, NDArray[np.bool_]] = {
        "face-too-small": track.sizes_px < rules.min_face_px,
        "out-of-scope": track.frontality < rules.min_frontality,
        "blurred": track.sharpness < rules.min_sharpness,
    }
    bad = np.any(list(faults.values()), axis=0)
    if not bad.any():
        return ~bad, ()
    main = max(faults, key=lambda reason: int(faults[reason].sum()))
    return ~bad, (main,)


def is_settled(face: FaceVerdict, rules: Rules) -> bool:
    """Whether a verdict so far will stand, whatever the rest of the media shows.

    Only "fake" can: what was seen must remain a stretch that is surely fake if all that follows,
    as many crops again, looks real.
    """
    if face.label != "fake" or face.reasons:
        return False
    if rules.likelihood and face.ratio:
        ways = 2 * face.crops / rules.min_crops
        return bool(face.ratio.log - np.log(ways) >= rules.likelihood.fake_at)
    return face.interval is not None and face.interval[0] >= rules.fake_at


def _samples(track: Track, scores: TrackScores) -> tuple[Sample, ...]:
    scored = dict(zip(track.crop_times_s.tolist(), scores.p_fake.tolist(), strict=True))
    return tuple(
        Sample(time_s, box, scored.get(time_s))
        for time_s, box in zip(track.times_s.tolist(), track.boxes, strict=True)
    )


def _moments(times_s: Float64, p_fake: Float32) -> tuple[Moment, ...]:
    """The strongest of what was judged, highest P(fake) first."""
    found: list[Moment] = []
    for index in np.argsort(-p_fake, kind="stable").tolist():
        time_s = float(times_s[index])
        if all(abs(time_s - other.time_s) >= MOMENTS_APART_S for other in found):
            found.append(Moment(time_s, float(p_fake[index])))
    return tuple(found[:MOST_MOMENTS])


def combine(
    faces: Sequence[FaceVerdict],
    about: Analyzed,
    versions: dict[str, str],
    timing_s: dict[str, float],
) -> Verdict:
    """The answer for the media: that of its worst face, fake before inconclusive before real."""
    worst = min(faces, key=badness, default=None)
    label: MediaLabel = worst.label if worst else "no-face"
    reasons = worst.reasons if worst else ()
    if about.stopped_early:
        reasons = (*reasons, "stopped-early")
    return Verdict(
        label=label,
        level=worst.level if worst else None,
        ratio=worst.ratio if worst else None,
        stretch_s=worst.stretch_s if worst else None,
        p_fake=worst.p_fake if worst else None,
        reasons=(*reasons, "cut-short") if about.cut_short else reasons,
        media=about.media,
        media_sha256=about.media_sha256,
        analyzed_s=about.analyzed_s,
        sampled_s=about.sampled_s,
        faces=tuple(faces),
        model=about.model,
        detector=about.detector,
        options=about.options,
        versions=versions,
        timing_s=timing_s,
    )


def badness(face: FaceVerdict) -> tuple[int, float, float]:
    """Sorts the worst face first."""
    ratio = face.ratio.log if face.ratio else 0.0
    return WORST_FIRST.index(face.level), -ratio, -(face.p_fake if face.p_fake is not None else 0.0)
