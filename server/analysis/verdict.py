"""From P(fake) over time to a label with reasons; and the only converter to JSON.

A face is called fake or real only where the evidence carries it: `p_fake` past the model's own
threshold, and a 95 % interval that stays on that side of 0.5. Everything else is inconclusive, for
a named reason. A manipulation of a part of the clip is not averaged away: if any stretch of
neighbouring frames is surely fake, so is the face, with `scores-disagree` to say that the rest
does not look it. Nor is a label given that a re-encode, a small resize or a small shift turns round
(stability.py). A still image offers one crop: it may decide, but its interval is wide, so only a
high score does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.analysis.boxes import to_fractions
from server.analysis.evidence import (
    Z_95,
    Z_STRETCH,
    Estimate,
    Spread,
    estimate,
    strongest_stretch,
    to_logits,
)
from server.analysis.provenance.records import Provenance
from server.analysis.records import (
    AnalysisOptions,
    DetectorUse,
    FaceVerdict,
    Float32,
    Float64,
    Label,
    MediaInfo,
    MediaLabel,
    ModelUse,
    Moment,
    Reason,
    Sample,
    Track,
    TrackScores,
    Verdict,
)
from server.analysis.stability import Score, is_stable

SCHEMA = 1
MOST_MOMENTS = 3
MOMENTS_APART_S = 1.0  # neighbouring pictures show the same
WORST_FIRST: tuple[Label, ...] = ("fake", "inconclusive", "real")


@dataclass(frozen=True, slots=True)
class Rules:
    """When a face may be called what. Sizes in pixels of the full frame, the rest 0..1."""

    fake_at: float = 0.9
    real_at: float = 0.1
    min_face_px: float = 100.0  # no face in the training data was smaller in its own video
    min_sharpness: float = 0.3
    min_frontality: float = 0.25
    min_crops: int = 3  # of a video; a still image has one
    min_stretch_s: float = 0.6  # three samples at three a second
    usual: Spread = field(default_factory=Spread)


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
    label: Label = "inconclusive"
    answer: Estimate | None = None
    z, reasons = Z_95, causes
    if usable.any():
        logits = to_logits(scores.p_fake[usable])
        answer = estimate(logits, rules.usual)
        if len(logits) < rules.min_crops:
            reasons = ("too-few-frames", *causes)
        else:
            label, answer, z, reasons = _weigh(logits, track.crop_times_s[usable], rules)
            if (
                label != "inconclusive"
                and score
                and not _holds(track, scores, usable, label, score)
            ):
                label, reasons = "inconclusive", ("unstable",)
    elif not causes:
        reasons = ("too-few-frames",)  # followed, but never wholly in the picture
    return FaceVerdict(
        id=track.id,
        label=label,
        p_fake=answer.p_fake if answer else None,
        interval=answer.interval(z) if answer else None,
        reasons=reasons,
        start_s=float(track.times_s[0]),
        end_s=float(track.times_s[-1]),
        samples=_samples(track, scores),
        moments=_moments(track.crop_times_s[usable], scores.p_fake[usable]),
    )


def _holds(
    track: Track, scores: TrackScores, usable: NDArray[np.bool_], label: Label, score: Score
) -> bool:
    crops, p_fake, quality = track.crops[usable], scores.p_fake[usable], track.quality[usable]
    return is_stable(crops, p_fake, quality, label == "fake", score)


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


def _weigh(
    logits: NDArray[np.float64], times_s: NDArray[np.float64], rules: Rules
) -> tuple[Label, Estimate, float, tuple[Reason, ...]]:
    """Label, the estimate that it rests on, the width of its interval, and reasons."""
    whole = estimate(logits, rules.usual)
    least = (rules.min_crops, rules.min_stretch_s)
    part = strongest_stretch(logits, times_s, rules.usual, least)
    if _is_fake(whole, Z_95, rules):
        return "fake", whole, Z_95, ()
    if part is not None and _is_fake(part, Z_STRETCH, rules):
        return "fake", part, Z_STRETCH, ("scores-disagree",)
    if part is not None and part.p_fake >= rules.fake_at and whole.p_fake < rules.fake_at:
        return "inconclusive", whole, Z_95, ("scores-disagree",)
    if whole.p_fake <= rules.real_at and whole.interval()[1] < 0.5:
        return "real", whole, Z_95, ()
    return "inconclusive", whole, Z_95, ("not-certain",)


def _is_fake(evidence: Estimate, z: float, rules: Rules) -> bool:
    return evidence.p_fake >= rules.fake_at and evidence.interval(z)[0] > 0.5


def is_settled(face: FaceVerdict, rules: Rules) -> bool:
    """Whether a verdict so far will stand, whatever the rest of the media shows.

    Only "fake" can: it takes the whole interval to lie beyond the threshold, so that what was seen
    remains a stretch that is surely fake if all that follows looks real.
    """
    sure = face.label == "fake" and not face.reasons
    return sure and face.interval is not None and face.interval[0] >= rules.fake_at


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


def badness(face: FaceVerdict) -> tuple[int, float]:
    """Sorts the worst face first."""
    return WORST_FIRST.index(face.label), -(face.p_fake if face.p_fake is not None else 0.0)


# JSON ------------------------------------------------------------------------------------------


def to_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as everything outside speaks of it: tests/contract/verdict-1.schema.json.

    Seconds to the millisecond, P(fake) and fractions of the picture to 4 digits, null if unknown.
    """
    media = verdict.media
    return {
        "schema": SCHEMA,
        "label": verdict.label,
        "p_fake": _rounded(verdict.p_fake, 4),
        "reasons": list(verdict.reasons),
        "media": {
            "kind": media.kind,
            "sha256": verdict.media_sha256,
            "width_px": media.width_px,
            "height_px": media.height_px,
            "duration_s": _rounded(media.duration_s, 3),
            "analyzed_s": [_rounded(time_s, 3) for time_s in verdict.analyzed_s],
            "sampled_s": [_rounded(time_s, 3) for time_s in verdict.sampled_s],
        },
        "faces": [_face_to_json(face, media) for face in verdict.faces],
        "model": asdict(verdict.model),
        "detector": asdict(verdict.detector),
        "options": asdict(verdict.options),
        "versions": dict(verdict.versions),
        "timing_s": {stage: _rounded(s, 3) for stage, s in verdict.timing_s.items()},
        "provenance": _provenance_to_json(verdict.provenance) if verdict.provenance else None,
    }


def _provenance_to_json(provenance: Provenance) -> dict[str, Any]:
    return {
        "state": provenance.state,
        "declarations": [
            {**asdict(said), "claims": list(said.claims), "problems": list(said.problems)}
            for said in provenance.declarations
        ],
    }


def _face_to_json(face: FaceVerdict, media: MediaInfo) -> dict[str, Any]:
    return {
        "id": face.id,
        "label": face.label,
        "p_fake": _rounded(face.p_fake, 4),
        "interval": [_rounded(end, 4) for end in face.interval] if face.interval else None,
        "reasons": list(face.reasons),
        "start_s": _rounded(face.start_s, 3),
        "end_s": _rounded(face.end_s, 3),
        "samples": [
            {
                "t": _rounded(sample.time_s, 3),
                "box": list(to_fractions(sample.box, media.width_px, media.height_px)),
                "p_fake": _rounded(sample.p_fake, 4),
            }
            for sample in face.samples
        ],
        "moments": [
            {
                "t": _rounded(moment.time_s, 3),
                "p_fake": _rounded(moment.p_fake, 4),
                "regions": None if moment.regions is None else list(moment.regions),
            }
            for moment in face.moments
        ],
    }


def _rounded(number: float | None, digits: int) -> float | None:
    """A plain float; None also for what JSON has no number for."""
    return round(float(number), digits) if number is not None and np.isfinite(number) else None
