"""`python -m training lr NAME`: fit the likelihood ratio of a registered network, on val people."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models import registry
from models.registry import Likelihood
from server.analysis.evidence import Spread, to_logits
from server.analysis.likelihood import NEUTRAL
from server.errors import AppError
from training.data import crops as data
from training.evaluate import measured, spread
from training.evaluate.likelihood import fit
from training.evaluate.likelihood.people import (
    AS_IT_IS,
    CRF_40,
    TREATMENTS,
    Scored,
    fewer,
    score,
    sharpness_of,
    together,
)
from training.evaluate.model import Model, load, p_fake, p_fake_of

if TYPE_CHECKING:
    from training.fit.development import Pictures

logger = logging.getLogger(__name__)

VIEWS = 2
FACE_SWAP = "face swap"  # what DFDC's fakes are
PHOTOS = "fairface-adult-val.tar"
# Fakes of other kinds, to see which of them "no sign" tells against: pictures that are no videos,
OTHER_KINDS = {"extra/gan-val.tar": "generated face", "extra/photoshop-val.tar": "composite"}
# and forgeries of our own, by the kind that each stands for.
FORGERIES = {"face-swap": FACE_SWAP, "self-blend": FACE_SWAP}
UNFITTED = registry.Guarantee(0, 0, 0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Sets:
    """Scored people. Line, bounds and levels are fitted on those of `videos`; genuine ones in
    `photos` tell what a still picture loses. Fakes among `stills`, and `forgeries` beside what they
    were made of, tell what is seen at all. `unseen`: photos that fit nothing, to be measured."""

    videos: Scored
    photos: Scored | None = None
    stills: Scored | None = None
    forgeries: Scored | None = None
    unseen: Scored | None = None


def refit(name: str, folder: Path, cache: Path) -> tuple[Likelihood, Sets]:
    """Fit on the val part of `folder` and what lies beside it, and write it into the spec.

    Raises ValueError for a network that is not calibrated, and for data without people.
    """
    if registry.spec(name).calibration is None:
        raise ValueError(f"{name} is not calibrated: python -m training calibrate {name}")
    from training.evaluate import across  # TensorFlow comes with it

    model = replace(load(name), views=VIEWS)
    sets = _sets(model, folder)
    part = f"{data.set_name(folder)} val{' and FairFace val' if sets.photos else ''}"
    found = replace(fitted(sets, _usual(model, folder, cache)), part=part)
    found = replace(found, blind_to=(*found.blind_to, *across.unseen(name)))
    registry.update(name, likelihood=asdict(found))
    return found, sets


def _sets(model: Model, folder: Path) -> Sets:
    """All that is there. Of the photos every second one is left for measuring."""
    ours = not data.is_prepared(folder)
    val = data.part(folder, "val")
    photos = unseen = None
    if (folder / PHOTOS).is_file():
        crops = data.read(folder / PHOTOS)
        order = np.argsort(crops.names)
        photos, unseen = (score(model, crops.take(order[start::2])) for start in (0, 1))
    return Sets(
        videos=score(model, fewer(val), kind=FACE_SWAP if ours else ""),
        photos=photos,
        stills=_stills(model, folder),
        forgeries=_forgeries(model, folder) if ours else None,
        unseen=unseen,
    )


def _stills(model: Model, folder: Path) -> Scored | None:
    as_it_is = {AS_IT_IS: TREATMENTS[AS_IT_IS]}
    found = []
    for file, kind in OTHER_KINDS.items():
        if (folder / file).is_file():
            crops = data.read(folder / file)
            found.append(score(model, crops.take(np.flatnonzero(crops.fake)), as_it_is, kind))
    return together(found) if found else None


def _forgeries(model: Model, folder: Path) -> Scored | None:
    """Fakes of our own and what they were made of, through the codec that leaves least of them."""
    try:
        from training.fit import development  # TensorFlow comes with it

        faces = development.val_faces(folder)
    except (FileNotFoundError, ValueError, AppError) as error:
        logger.warning("fakes of our own are left out: %s", error)
        return None
    return together([_forged(model, development.forged(n, faces), FORGERIES[n]) for n in FORGERIES])


def _forged(model: Model, made: Pictures, kind: str) -> Scored:
    pictures = [TREATMENTS[CRF_40](picture) for picture in made.pictures]
    count = len(pictures)
    return Scored(
        logits=to_logits(p_fake_of(model, pictures)),
        fake=made.fake,
        people=made.people.astype(str),
        kinds=np.where(made.fake, kind, "genuine"),
        treatments=np.full(count, CRF_40),
        sharpness=sharpness_of(pictures),
        sizes_px=np.full(count, np.nan, np.float32),
    )


def _usual(model: Model, folder: Path, cache: Path) -> Spread:
    """How frames of one clip vary, from clips beside the val part; else what is usual."""
    clips = folder / "clips"
    if not clips.is_dir():
        return Spread()
    crops = measured.read(clips, cache)
    found = spread.of_clips(crops, p_fake(model, crops))
    return Spread(round(found["frames"], 3), round(found["correlation"], 3))


def fitted(sets: Sets, usual: Spread) -> Likelihood:
    """All numbers, from scored people; `usual` is how the frames of a clip vary."""
    videos, photos = sets.videos, sets.photos
    found = _line(videos, usual)
    log = fit.held_out(videos, found.quality)
    fake_at, suspect_at, real_at = fit.levels(log, videos)
    found = replace(found, fake_at=fake_at, suspect_at=suspect_at, real_at=real_at)
    if photos is not None:
        of_photos = fit.logs(photos, found)
        found = replace(found, still=fit.still(of_photos, photos, fake_at, suspect_at))
    lrs = _reassurance(sets, found, log)
    covered = {kind: lr for kind, lr in lrs.items() if fit.is_covered(lr)}
    low, high = fit.bounds(log, videos)
    # No sign of what is covered tells no more than against the kind that is covered worst.
    low = max(low, *covered.values()) if covered else 1.0
    people = videos
    if photos is not None:
        log, people = np.concatenate([log, of_photos - found.still]), together([videos, photos])
    return replace(
        found,
        still=round(found.still, 4),
        bounds=_rounded((low, high), 3),
        fake_at=round(fake_at, 4),
        suspect_at=round(suspect_at, 4),
        real_at=round(real_at, 4),
        guarantee=fit.guarantee(log, people, fake_at, suspect_at),
        covers=tuple(covered),
        blind_to=tuple(kind for kind in lrs if kind not in covered),
    )


def _reassurance(sets: Sets, model: Likelihood, held_out: fit.Float) -> dict[str, float]:
    """The LR of "no sign" against each kind of fake, where it is highest: among videos, among our
    own forgeries, and among stills, as these are judged, beside genuine photos."""
    found = fit.kinds(held_out, sets.videos, model.real_at)
    others = []
    if sets.forgeries is not None:
        others.append((fit.logs(sets.forgeries, model), sets.forgeries))
    if sets.stills is not None:
        beside = sets.videos if sets.photos is None else sets.photos
        stills = together([beside.take(~beside.fake), sets.stills])
        others.append((fit.logs(stills, model) - model.still, stills))
    for log, scored in others:
        for kind, lr in fit.kinds(log, scored, model.real_at).items():
            found[kind] = max(lr, found.get(kind, 0.0))
    return found


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
