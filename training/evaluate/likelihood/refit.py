"""`python -m training lr NAME`: fit the likelihood ratio of a registered network, on val people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from models import registry
from models.registry import Likelihood
from server.analysis.evidence import Spread
from server.analysis.likelihood import NEUTRAL
from training.data import crops as data
from training.evaluate import measured, spread
from training.evaluate.likelihood import fit
from training.evaluate.likelihood.people import AS_IT_IS, TREATMENTS, Scored, fewer, score, together
from training.evaluate.model import Model, load, p_fake

VIEWS = 2
FACE_SWAP = "face swap"  # what DFDC's fakes are
PHOTOS = "fairface-adult-val.tar"
# Fakes of other kinds, to see which of them "no sign" tells against.
OTHER_KINDS = {"extra/gan-val.tar": "generated face", "extra/photoshop-val.tar": "composite"}
UNFITTED = registry.Guarantee(0, 0, 0, 1.0, 1.0)


def refit(name: str, folder: Path, cache: Path, called: str) -> Likelihood:
    """Fit on the val part of `folder` and what lies beside it, and write it into the spec, where
    the data is `called` so.

    Raises ValueError for a network that is not calibrated, and for data without people.
    """
    if registry.spec(name).calibration is None:
        raise ValueError(f"{name} is not calibrated: python -m training calibrate {name}")
    model = replace(load(name), views=VIEWS)
    kind = "" if data.is_prepared(folder) else FACE_SWAP
    videos = score(model, fewer(data.part(folder, "val")), kind=kind)
    photos = _photos(model, folder)
    kinds = together([videos, *_other_kinds(model, folder)])
    found = fitted(videos, photos, kinds, _usual(model, folder, cache))
    part = f"{called} val{' and FairFace val' if photos else ''}"
    found = replace(found, part=part)
    registry.update(name, likelihood=asdict(found))
    return found


def _photos(model: Model, folder: Path) -> Scored | None:
    """Every second one, if they are there: the other half is left for reports."""
    if not (folder / PHOTOS).is_file():
        return None
    photos = data.read(folder / PHOTOS)
    return score(model, photos.take(for_fit(photos)))


def for_fit(photos: data.Crops) -> np.ndarray:
    """Which of the photos are fitted on, int [N / 2]; the others only tell how well it went."""
    return np.argsort(photos.names)[::2]


def _other_kinds(model: Model, folder: Path) -> Iterator[Scored]:
    for file, kind in OTHER_KINDS.items():
        if (folder / file).is_file():
            crops = data.read(folder / file)
            as_it_is = {AS_IT_IS: TREATMENTS[AS_IT_IS]}
            yield score(model, crops.take(np.flatnonzero(crops.fake)), as_it_is, kind)


def _usual(model: Model, folder: Path, cache: Path) -> Spread:
    """How frames of one clip vary, from clips beside the val part; else what is usual."""
    clips = folder / "clips"
    if not clips.is_dir():
        return Spread()
    crops = measured.read(clips, cache)
    found = spread.measure(crops, p_fake(model, crops))
    return Spread(round(found["frames"], 3), round(found["correlation"], 3))


def fitted(videos: Scored, photos: Scored | None, kinds: Scored, usual: Spread) -> Likelihood:
    """All numbers, from scored crops: the line, levels and bounds are those of the people in
    `videos`. Genuine people in `photos` tell what a still picture loses; `kinds` of fakes what is
    seen at all; `usual` how the frames of a clip vary."""
    found = _line(videos, usual)
    log = fit.logs(videos, found)
    fake_at, suspect_at, real_at = fit.levels(log, videos)
    lrs = fit.kinds(fit.logs(kinds, found), kinds, real_at)
    covered = {kind: lr for kind, lr in lrs.items() if fit.is_covered(lr)}
    low, high = fit.bounds(log, videos)
    # No sign of what is covered tells no more than against the kind that is covered worst.
    low = max(low, *covered.values()) if covered else 1.0
    still, people = 0.0, videos
    if photos is not None:
        of_photos = fit.logs(photos, found)
        still = fit.still(of_photos, photos, fake_at, suspect_at)
        log, people = np.concatenate([log, of_photos - still]), together([videos, photos])
    return replace(
        found,
        still=round(still, 4),
        bounds=_rounded((low, high), 3),
        fake_at=round(fake_at, 4),
        suspect_at=round(suspect_at, 4),
        real_at=round(real_at, 4),
        guarantee=fit.guarantee(log, people, fake_at, suspect_at),
        covers=tuple(covered),
        blind_to=tuple(kind for kind in lrs if kind not in covered),
    )


def _line(videos: Scored, usual: Spread) -> Likelihood:
    """With the line and the spreads; bounds and levels come after it."""
    quality = fit.quality(videos)
    line, covariance = fit.line(videos, quality)
    vary = fit.spreads(videos)
    return Likelihood(
        views=VIEWS,
        line=_rounded(line),
        covariance=tuple(_rounded(row) for row in covariance),
        quality=quality,
        people=round(vary.people, 3),
        clips=round(float(np.sqrt(max(0.0, vary.crops**2 - usual.frames**2))), 3),
        frames=usual.frames,
        correlation=usual.correlation,
        still=0.0,
        bounds=(1e-9, 1e9),
        fake_at=NEUTRAL,
        suspect_at=NEUTRAL,
        real_at=-NEUTRAL,
        genuine=len(np.unique(videos.people[~videos.fake])),
        manipulated=len(np.unique(videos.people[videos.fake])),
        part="",
        guarantee=UNFITTED,
        covers=(),
        blind_to=(),
    )


def _rounded(values: Any, digits: int = 6) -> tuple[Any, ...]:
    return tuple(float(f"{value:.{digits}g}") for value in values)
