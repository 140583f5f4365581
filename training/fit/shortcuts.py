"""Can reals and fakes of a source be told apart without looking at the face? Then a network would
learn that instead. A logistic regression on bytes, sharpness, light and contrast tries."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training import metrics
from training.fit.batches import Views, shown
from training.fit.examples import Source

Uint8 = NDArray[np.uint8]

ALLOWED = 0.65  # AUC; a source above is for testing only
PAIRS = 300
FOLDS = 5
QUALITY = 90


def auc(source: Source, views: Views, pairs: int = PAIRS, seed: int = 0) -> float:
    """The AUC that such cues reach on pairs as a network is shown them, each pair in one fold."""
    rng = np.random.default_rng(seed)
    pictures = [p for _ in range(pairs) for p in shown(source.draw(rng), rng, views)[0]]
    fake = np.arange(len(pictures)) % 2 == 1
    cues = np.array([_cues(picture) for picture in pictures])
    judge = make_pipeline(StandardScaler(), LogisticRegression())
    folds = {"groups": np.arange(len(pictures)) // 2, "cv": GroupKFold(FOLDS)}
    p_fake = cross_val_predict(judge, cues, fake, method="predict_proba", **folds)[:, 1]
    return metrics.auc(fake, p_fake)


def _cues(picture: Uint8) -> tuple[float, ...]:
    """Of uint8 [S, S, 3]: the size as a JPEG, the spread of the Laplacian, mean and spread of the
    light, and how much redder than blue it is."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    sharpness = cv2.Laplacian(grey, cv2.CV_32F).var()
    warmth = float(picture[..., 0].mean()) - float(picture[..., 2].mean())
    light = float(grey.mean()), float(grey.std())
    return (float(np.log(len(encoded))), float(np.log(sharpness + 1)), *light, warmth)
