"""Verdicts by compression: what likelihood ratios cost, and whom the levels flag, once the pictures
have gone through a codec or were shrunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from server.analysis.scoring import sigmoid
from training.data.codecs import Treatment, h264
from training.data.crops import Crops
from training.evaluate import videos
from training.evaluate.likelihood import fit
from training.evaluate.likelihood.judged import Judged, bounded, levels
from training.evaluate.likelihood.measures import cllr, cllr_min, decided
from training.evaluate.likelihood.people import AS_IT_IS, HALF, TREATMENTS, fewer, score
from training.evaluate.scored import Row, Scored

ALL = "all"  # kinds of fakes
OF_A_PERSON = 4  # crops with each label
OF_A_CLIP = 8  # crops, evenly spread
VERDICTS: dict[str, Treatment] = {
    AS_IT_IS: TREATMENTS[AS_IT_IS],
    **{f"H.264 CRF {crf}": partial(h264, crf) for crf in (23, 28, 34, 40)},
    HALF: TREATMENTS[HALF],
}


def people(given: Scored) -> list[Row]:
    """A line for each treatment and kind of fake: single pictures, a few of each person."""
    return _table(_people(given))


def clips(given: Scored) -> list[Row]:
    """A line for each treatment and kind of fake: videos, judged from a few crops of each."""
    return _table(_clips(given))


def _people(given: Scored) -> Iterator[tuple[str, Judged]]:
    model = given.model.likelihood
    if model is None:
        return
    few = fewer(given.crops, OF_A_PERSON)
    for name, treat in VERDICTS.items():
        found = score(given.model, few, {name: treat})
        log = fit.logs(found, model)
        about = levels(log, model), found.people, found.kinds
        yield name, Judged(found.fake, bounded(log, model), *about)


def _clips(given: Scored) -> Iterator[tuple[str, Judged]]:
    model, chosen = given.model.likelihood, _of_clips(given.crops)
    if model is None or not len(chosen):
        return
    few = given.crops.take(chosen)
    for name, treat in VERDICTS.items():
        found = score(given.model, few, {name: treat})
        p_fake = sigmoid(found.logits).astype(np.float32)
        seen = {"sharpness": found.sharpness, "face_px": found.sizes_px}
        known = {key: value for key, value in seen.items() if np.isfinite(value).all()}
        treated = replace(few, columns=few.columns | {k: v.astype(str) for k, v in known.items()})
        told = videos.judged(treated, p_fake, given.model.calibration, model)
        sure = np.isfinite(told.log)
        about = told.levels[sure], told.identities[sure], told.methods[sure]
        yield name, Judged(told.fake[sure], bounded(told.log[sure], model), *about)


def _of_clips(crops: Crops) -> NDArray[np.intp]:
    """The indices of a few crops of each clip, evenly spread over its time."""
    chosen = [
        indices[np.unique(np.linspace(0, len(indices) - 1, OF_A_CLIP).astype(int))]
        for indices in videos.tracks(crops).values()
    ]
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.intp)


def _table(found: Iterator[tuple[str, Judged]]) -> list[Row]:
    return [row for name, judged in found for row in _rows(name, judged)]


def _rows(treatment: str, found: Judged) -> Iterator[Row]:
    """All fakes, and each kind of them, against all the reals."""
    kinds = np.unique(found.kinds[found.fake]).tolist()
    for kind in [ALL, *kinds] if len(kinds) > 1 else [ALL]:
        fakes = found.fake & ((found.kinds == kind) | (kind == ALL))
        chosen = fakes | ~found.fake
        row: Row = {"treatment": treatment, "kind": kind}
        row |= {"reals": int((~found.fake).sum()), "fakes": int(fakes.sum())}
        row |= dict.fromkeys(("cllr", "cllr_min"), "")
        fake, log = found.fake[chosen], found.log[chosen]
        if 0 < fake.sum() < len(fake):
            row |= {"cllr": cllr(fake, log), "cllr_min": cllr_min(fake, log)}
        row["decided"] = decided(fake, log)
        for who, of in (("reals", ~found.fake), ("fakes", fakes)):
            for level in ("fake", "suspicious", "real") if of.any() else ():
                row[f"{who}_called_{level}"] = float(np.mean(found.levels[of] == level))
        yield row
