"""One face's scores taken together, with their uncertainty. Pure functions on logits of P(fake).

Frames of one clip are not independent: neighbours look alike, and all share the camera, the
compression and the person. Hence three terms in the error of their mean:

* the spread of the frames, drawn towards what is usual while there are few;
* divided by the effective number of frames, n (1 - r) / (1 + r) for lag-1 autocorrelation r
  (Bayley and Hammersley 1946), r too drawn towards what is usual;
* plus a spread between clips, which no number of frames makes smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from server.analysis.records import Float32, Float64

MOST_LOGIT = 6.0  # P = 0.9975: one overconfident frame must not outvote the others
Z_95 = 1.96
# For the strongest of the stretches of one clip, about two dozen that hardly overlap: 95 % over
# all of them (Bonferroni).
Z_STRETCH = 3.1


@dataclass(frozen=True, slots=True)
class Spread:
    """What is usual, in logits: between frames of a face, their correlation, between clips.

    `weight` is how many frames the usual counts for against those that were seen. Measured with
    the served meso3: `frames` and `correlation` on 20 clips of several sources, `clips` from how
    single crops of a person differ on DFDC val, less `frames`: training/results/spread.csv.
    """

    frames: float = 0.95
    correlation: float = 0.3
    clips: float = 1.2
    weight: float = 6.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean logit and the standard error of it."""

    logit: float
    error: float

    @property
    def p_fake(self) -> float:
        return from_logit(self.logit)

    def interval(self, z: float = Z_95) -> tuple[float, float]:
        """The bounds of P(fake) that `z` standard errors reach."""
        return from_logit(self.logit - z * self.error), from_logit(self.logit + z * self.error)


def from_logit(logit: float) -> float:
    return float(0.5 * (1 + np.tanh(0.5 * logit)))


def to_logits(p_fake: Float32) -> Float64:
    """float [K] in 0..1 to logits within -MOST_LOGIT..MOST_LOGIT, float64 [K]."""
    p = np.clip(p_fake.astype(np.float64), 1e-9, 1 - 1e-9)
    logits: Float64 = np.clip(np.log(p) - np.log1p(-p), -MOST_LOGIT, MOST_LOGIT)
    return logits


def estimate(logits: Float64, usual: Spread) -> Estimate:
    """What logits float64 [K] in order of time, at least one, say together."""
    n, mean, weight = len(logits), float(logits.mean()), usual.weight
    rest = logits - mean
    squares = float(rest @ rest)
    seen = float(rest[1:] @ rest[:-1]) / squares if squares > 1e-9 else 0.0
    seen += (1 + 3 * seen) / n  # short series seem less correlated than they are (Kendall 1954)
    drawn = (weight * usual.correlation + (n - 1) * seen) / (weight + n - 1)
    correlation = min(max(drawn, 0.0), 0.95)  # np.clip takes ten times as long on one number
    per_independent = (1 + correlation) / (1 - correlation)  # frames worth one
    # Frames that follow each other also vary less around their own mean than around the truth.
    freedom = max(1.0, n - per_independent)
    variance = (weight * usual.frames**2 + squares) / (weight + freedom)
    effective = max(1.0, n / per_independent)
    return Estimate(mean, float(np.sqrt(variance / effective + usual.clips**2)))


def strongest_stretch(
    logits: Float64, times_s: Float64, usual: Spread, least: tuple[int, float]
) -> Estimate | None:
    """Of all runs of neighbouring frames the one that is most surely fake, or None.

    A run has at least `least` = (frames, seconds), and is not the whole. Surely: by the lower end
    of its interval, so that a long run may win over a short one with a higher mean.
    """
    frames, seconds = least
    n = len(logits)
    runs = [
        estimate(logits[start:stop], usual)
        for start in range(n)
        for stop in range(start + frames, n + 1)
        if stop - start < n and times_s[stop - 1] - times_s[start] >= seconds
    ]
    return max(runs, key=lambda run: run.logit - Z_STRETCH * run.error, default=None)
