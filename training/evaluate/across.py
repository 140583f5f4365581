"""One table across datasets and kinds of fakes: how far a served network tells them apart, how many
fakes it flags at its own threshold, and how many it calls clean.

Test parts are read here and nowhere else; nothing is chosen by what this table tells. It only adds
kinds of fakes that a network does not see to those that the screens name as not looked for.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import registry
from server.analysis.scoring import UNCALIBRATED
from training import metrics
from training.data import codecs, tables
from training.data import crops as data
from training.evaluate import measured, videos
from training.evaluate import model as evaluate
from training.fit import development
from training.fit.development import Pictures

Row = dict[str, Any]
RESULTS = Path(__file__).resolve().parents[1] / "results"
CRF = 28
# A path in the data folder, and whether its reals and fakes come from one source: else contrast or
# sharpness alone may separate them, and no rate between them is given.
PARTS = {
    "DFDC test": ("dfdc224-test.tar", True),
    "StyleGAN faces": ("extra-test/gan-test.tar", True),
    "generated faces, other study": ("extra-test/ganstudy-test.tar", True),
    "composites by hand": ("extra-test/photoshop-test.tar", True),
    "FLUX, one person": ("extra-test/flux-test.tar", False),
    "LivePortrait": ("extra-test/reenact-test.tar", False),
    "FairFace val": ("fairface-adult-val.tar", False),
}
VIDEOS = "faceforensics"
# Sets without genuine pictures of the same source, with the kind of fake that each stands for:
# `training lr` compares fakes with genuine pictures, so it cannot judge these kinds.
ALONE = {"FLUX, one person": "diffusion portrait", "LivePortrait": "portrait animation"}
SEEN_FROM = 0.05  # of the fakes of a kind, the share that is flagged; below it the kind is not seen


def mirrored(model: evaluate.Model) -> evaluate.Model:
    """The same network asked twice, of a crop and of its mirror image; its mean logit."""
    return replace(model, name=mirrored_name(model.name), views=2)


def mirrored_name(name: str) -> str:
    return f"{name}-mirrored"


def table(model: evaluate.Model, folder: Path, cache: Path) -> list[Row]:
    """A row for each set that is in the data folder. Intervals are over people."""
    rows = [_row(model, *chosen) for chosen in _crops(folder)]
    rows += [_row(model, *chosen) for chosen in _forged(folder)]
    if (folder / VIDEOS).is_dir():
        rows.append(_of_videos(model, folder / VIDEOS, cache))
    return rows


def write(name: str, rows: list[Row]) -> Path:
    path = _results(name)
    tables.write(path, rows, rows[0])
    return path


def read(name: str) -> list[dict[str, str]]:
    """What write() wrote; empty where it wrote nothing."""
    if not _results(name).is_file():
        return []
    with _results(name).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def unseen(name: str) -> tuple[str, ...]:
    """The kinds of ALONE that the mirrored model `name` flags in less than SEEN_FROM, by read()."""
    rows = read(mirrored_name(name))
    flagged = {row["set"]: float(row["fakes_flagged"]) for row in rows if row["set"] in ALONE}
    return tuple(ALONE[chosen] for chosen, share in flagged.items() if share < SEEN_FROM)


def note_unseen(name: str) -> tuple[str, ...]:
    """Write unseen() into `blind_to` of the registered model's likelihood, in place of what was
    there of ALONE; nothing is fitted. Returns `blind_to`; empty for a model without likelihood."""
    likelihood = registry.spec(name).likelihood
    if likelihood is None:
        return ()
    fitted = (kind for kind in likelihood.blind_to if kind not in ALONE.values())
    found = replace(likelihood, blind_to=(*fitted, *unseen(name)))
    registry.update(name, likelihood=asdict(found))
    return found.blind_to


def _results(name: str) -> Path:
    return RESULTS / f"{name}-across.csv"


def _crops(folder: Path) -> Iterator[tuple[Pictures, bool]]:
    for name, (file, comparable) in PARTS.items():
        if (folder / file).is_file():
            crops = data.read(folder / file)
            yield development.of_crops(name, crops, ""), comparable


def _forged(folder: Path) -> Iterator[tuple[Pictures, bool]]:
    """Blends of val people: as they are, and through a codec."""
    forged = development.forged("self-blend", development.val_faces(folder))
    yield forged, True
    pictures = np.stack([codecs.h264(CRF, rgb) for rgb in forged.pictures])
    yield replace(forged, name=f"{forged.name} CRF {CRF}", pictures=pictures), True


def _row(model: evaluate.Model, chosen: Pictures, comparable: bool) -> Row:
    p_fake = evaluate.p_fake_of(model, chosen.pictures)
    return _facts(model, chosen.name, chosen.fake, p_fake, chosen.people, comparable)


def _of_videos(model: evaluate.Model, folder: Path, cache: Path) -> Row:
    crops = measured.read(folder, cache)
    p_fake = evaluate.p_fake(model, crops)
    clips = videos.judged(crops, p_fake, model.calibration, model.likelihood)
    levels = clips.labels if model.likelihood is None else clips.levels
    known = np.isfinite(clips.p_fake)
    about = (clips.fake[known], clips.p_fake[known], clips.identities[known])
    row = _facts(model, "FaceForensics c40, videos", *about, True)
    for kind, fakes in (("fakes", True), ("reals", False)):
        found = levels[clips.fake == fakes]
        row[f"{kind}_flagged"] = round(float(np.isin(found, ("fake", "suspicious")).mean()), 4)
        row[f"{kind}_called_clean"] = round(float(np.mean(found == "real")), 4)
    return row


def _facts(
    model: evaluate.Model,
    name: str,
    fake: NDArray[np.bool_],
    p_fake: Any,
    people: NDArray[Any],
    comparable: bool,
) -> Row:
    row: Row = {"set": name, "reals": int((~fake).sum()), "fakes": int(fake.sum())}
    row |= dict.fromkeys(("people", "auc", "low", "high", "tpr_at_fpr_1"), "")
    row["people"] = len(set(people))
    if comparable and 0 < fake.sum() < len(fake):
        low, high = metrics.interval(metrics.auc, fake, p_fake, people)
        found = metrics.auc(fake, p_fake), low, high, metrics.tpr_at(0.01)(fake, p_fake)
        row |= dict(zip(("auc", "low", "high", "tpr_at_fpr_1"), found, strict=True))
    calibration = model.calibration or UNCALIBRATED
    for kind, who in (("fakes", fake), ("reals", ~fake)):
        of_kind = np.asarray(p_fake)[who]
        row[f"{kind}_flagged"] = _share(of_kind >= calibration.fake_at)
        row[f"{kind}_called_clean"] = _share(of_kind <= calibration.real_at)
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}


def _share(where: NDArray[np.bool_]) -> float | str:
    return float(np.mean(where)) if len(where) else ""
