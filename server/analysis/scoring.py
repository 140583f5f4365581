"""From the crops of a track to P(fake): the only place where a model's polarity is known."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict

import numpy as np

from models import registry
from models.preprocess import resize, to_input
from server.analysis.records import Float32, Float64, ModelUse, Track, TrackScores, Uint8
from server.analysis.runtimes.base import Networks, Runtime, RuntimeFailed
from server.analysis.runtimes.tflite import TfliteRuntime
from server.errors import ModelError
from server.terms import AnalysisOptions

BATCHES = (1, 2)  # every size costs an interpreter; larger ones take more memory and no less time
REMEMBERED = 4096  # scores kept, so that a partial verdict scores only what is new
UNCALIBRATED = registry.Calibration(scale=1.0, offset=0.0, fake_at=0.9, real_at=0.1)
KERAS, FLOAT = "keras", "float32"  # variants that say the same, but for rounding

log = logging.getLogger(__name__)


class Scorer:
    """One loaded classifier. Belongs to one thread."""

    def __init__(
        self,
        model: str,
        networks: Networks | None = None,
        threads: int = 1,
        likelihood: bool = True,
    ) -> None:
        """`model` is a registered name; raises ModelError if it cannot be used for this.

        `networks`: what runs it, if it has a full variant; None, or where that fails: TFLite, with
        `threads` threads. Without its `likelihood`, each crop is seen once, as schema 1 has it.
        """
        try:
            self.spec = registry.spec(model)
        except registry.RegistryError as error:
            raise ModelError(str(error)) from error
        if self.spec.task != "classify" or self.spec.positive_class is None:
            raise ModelError(f"{model} does not tell fake from real; choose a classifier")
        self._threads = threads
        self._seen: OrderedDict[bytes, float] = OrderedDict()
        self.calibration = self.spec.calibration or UNCALIBRATED
        self.likelihood = self.spec.likelihood if likelihood else None
        self.side_px = self.spec.input_px
        if networks is not None and KERAS in self.spec.files:
            self._use(KERAS, networks.open(model))
        else:
            self._use_tflite(self.spec.serve)

    def _use_tflite(self, variant: str) -> None:
        try:
            self._use(variant, TfliteRuntime(self.spec.file(variant), self._threads))
        except registry.RegistryError as error:
            raise ModelError(str(error)) from error

    def _use(self, variant: str, runtime: Runtime) -> None:
        self._runtime = runtime
        self.use = ModelUse(
            name=self.spec.name,
            sha256=self.spec.files[variant].sha256,
            backend=runtime.name,
            fake_at=self.calibration.fake_at,
            real_at=self.calibration.real_at,
            rates=self.spec.rates,
            likelihood=self.likelihood,
        )

    def score(self, track: Track) -> TrackScores:
        """Calibrated P(fake) of each crop of `track`."""
        return TrackScores(track.id, self.p_fake(track.crops))

    def forget(self) -> None:
        """Score the next crops anew, also those seen before: for measuring."""
        self._seen.clear()

    def p_fake(self, crops: Uint8) -> Float32:
        """Calibrated P(fake), float32 [K], of crops uint8 [K, S, S, 3] of any side S."""
        keys = [hashlib.blake2b(crop.tobytes(), digest_size=16).digest() for crop in crops]
        new = [index for index, key in enumerate(keys) if key not in self._seen]
        if new:
            logits = self._logits(crops[new])
            values = to_p_fake(logits, self.spec.positive_class, self.calibration)
            for index, value in zip(new, values, strict=True):
                self._seen[keys[index]] = float(value)
        answer = np.array([self._seen[key] for key in keys], np.float32)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return answer

    def _logits(self, crops: Uint8) -> Float32:
        """The model's own logits, float32 [K]: the mean of the views of each crop."""
        if crops.shape[1] != self.side_px:
            crops = np.stack([resize(crop, self.side_px) for crop in crops])
        views = (crops, crops[:, :, ::-1])[: self.likelihood.views if self.likelihood else 1]
        return np.asarray(np.mean([self._each(view) for view in views], axis=0), np.float32)

    def _each(self, crops: Uint8) -> Float32:
        """A logit of each crop, float32 [K]; batches are filled up with repeats of the last."""
        parts = []
        for start in range(0, len(crops), BATCHES[-1]):
            part = crops[start : start + BATCHES[-1]]
            size = next(size for size in BATCHES if size >= len(part))
            filled = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
            logits = self._run(to_input(filled))
            if logits.shape != (size, 1) or not np.isfinite(logits).all():
                raise ModelError(f"{self.spec.name} gave {logits.shape}, not finite logits [N, 1]")
            parts.append(logits[: len(part), 0])
        return np.concatenate(parts)

    def _run(self, batch: Float32) -> Float32:
        try:
            return self._runtime.run(batch)
        except RuntimeFailed as failure:
            log.warning("%s runs on TFLite from here on: %s", self.spec.name, failure)
            self._use_tflite(FLOAT if FLOAT in self.spec.files else self.spec.serve)
            return self._runtime.run(batch)


class Scorers:
    """The network that decides, and the one that gives verdicts so far: the same if it is small."""

    def __init__(self, options: AnalysisOptions, networks: Networks | None, threads: int) -> None:
        likelihood = options.schema_version > 1
        self.deciding = Scorer(options.model, networks, threads, likelihood)
        tentative = registry.TENTATIVE.get(options.model)
        self.tentative = (
            Scorer(tentative, networks, threads, likelihood) if tentative else self.deciding
        )

    @property
    def side_px(self) -> int:
        """Of the crops that both are given."""
        return max(self.deciding.side_px, self.tentative.side_px)


def to_p_fake(
    logits: Float32, positive_class: str | None, calibration: registry.Calibration
) -> Float32:
    """Logits for `positive_class`, float32 [K], to calibrated P(fake), float32 [K] in 0..1."""
    sign = -1.0 if positive_class == "real" else 1.0
    fake: Float64 = sign * logits.astype(np.float64)
    return sigmoid(calibration.scale * fake + calibration.offset).astype(np.float32)


def sigmoid(logits: Float64) -> Float64:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float64)
