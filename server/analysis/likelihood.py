"""How much more probable a person's scores are if the face is manipulated than if it is genuine.

The likelihood ratio (LR) of a person is that of one picture of them, as fitted on people of the
validation part (`python -m training lr`), sharpened by how much less the mean of several pictures
varies. For two normals of one variance V, ln LR is a line in the score, as steep as 1/V; people and
clips differ however many pictures there are, only the part between pictures becomes smaller:

    ln LR of n pictures = ln LR of one x (people² + clips² + error₁²) / (people² + clips² + error²)

with `error` that of the mean within the clip (evidence.py), `error₁` that of one picture. The line
itself depends on the quality of the pictures: blur and compression draw the scores of fakes towards
those of genuine faces.

The few people behind a calibration cannot carry every LR: nothing leaves here beyond the bounds
that they can carry (ELUB: Vergeer et al. 2016, "Numerical likelihood ratios outputted by LR systems
are often based on extrapolation", Science & Justice 56). docs/evidence.md explains the words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from models.registry import Likelihood
from server.analysis.evidence import Z_95, Spread, estimate
from server.analysis.records import Float32, Float64, Ratio, Support
from server.terms import Strength

# Where each strength but "none" begins: the ENFSI guideline for evaluative reporting (2015).
STRENGTH_FROM = (2.0, 10.0, 100.0, 1_000.0, 10_000.0, 1_000_000.0)
STRENGTHS: tuple[Strength, ...] = get_args(Strength)
NEUTRAL = float(np.log(STRENGTH_FROM[0]))  # ln LR: below it no support either way
SHARPNESS_WITHIN = (0.01, 0.99)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The crops of one person in order of time: logits float64 [K] of P(fake), sharpness float32
    [K] in 0..1, sizes_px float32 [K] (nan: unknown)."""

    logits: Float64
    sharpness: Float32
    sizes_px: Float32

    def part(self, start: int, stop: int) -> Pictures:
        run = slice(start, stop)
        return Pictures(self.logits[run], self.sharpness[run], self.sizes_px[run])


def ratio(pictures: Pictures, model: Likelihood, ways: float = 1.0) -> Ratio:
    """The LR of a person from at least one crop.

    `ways`: the number of stretches of which this one is the strongest. The LR of "one of them is
    manipulated" is the mean of theirs, and so at least this share of its own.
    """
    usual = Spread(model.frames, model.correlation, clips=0.0)
    mean, one = estimate(pictures.logits, usual), estimate(pictures.logits[:1], usual)
    quality = terms(pictures.sharpness, pictures.sizes_px, model)
    shared = model.people**2 + model.clips**2
    gain = (shared + one.error**2) / (shared + mean.error**2)
    offset, slope = (float(quality @ part) for part in np.split(np.array(model.line), 2))
    log = gain * (offset + slope * mean.logit) - float(np.log(ways))
    row = np.concatenate([quality, mean.logit * quality])
    fitted = float(row @ np.array(model.covariance) @ row)
    error = gain * float(np.sqrt(fitted + (slope * mean.error) ** 2))
    low, high = log - Z_95 * error, log + Z_95 * error
    inside = (_bounded(low, model.bounds), _bounded(high, model.bounds))
    return Ratio(log, error, _bounded(log, model.bounds), inside, model.bounds)


def of_stills(model: Likelihood) -> Likelihood:
    """For a still picture instead of a video."""
    return replace(model, line=(model.line[0] - model.still, *model.line[1:]))


def terms(sharpness: Float32, sizes_px: Float32, model: Likelihood) -> Float64:
    """1 and the mean log sharpness and log size of crops, each against what was usual among those
    that the model was fitted on, and no further from it than they were: float64 [3]."""
    logs = (log_sharpness(sharpness), log_size(sizes_px))
    known = [
        min(max(float(values.mean()), low), high) - usual if np.isfinite(values).all() else 0.0
        for values, (low, usual, high) in zip(logs, model.quality, strict=True)
    ]
    return np.array([1.0, *known])


def log_sharpness(sharpness: Float32) -> Float64:
    """ln of the ratio that crops.sharpness() maps to 0..1, float64 [K], but for its unit."""
    inside = np.clip(sharpness.astype(np.float64), *SHARPNESS_WITHIN)
    return np.asarray(np.log(inside) - np.log1p(-inside), np.float64)


def log_size(sizes_px: Float32) -> Float64:
    return np.asarray(np.log(np.maximum(sizes_px, 1.0).astype(np.float64)), np.float64)


def support(lr: float) -> Support:
    """In the ENFSI guideline's words; below 1, those of the reciprocal for the other side."""
    strength = STRENGTHS[int(np.searchsorted(STRENGTH_FROM, max(lr, 1 / lr), side="right"))]
    if strength == "none":
        return Support(None, strength)
    return Support("manipulated" if lr > 1 else "genuine", strength)


def _bounded(log: float, bounds: tuple[float, float]) -> float:
    """The LR of ln LR `log`, or the bound that it lies beyond."""
    low, high = bounds
    inside = min(max(log, float(np.log(low))), float(np.log(high)))
    return min(max(float(np.exp(inside)), low), high)
