"""How well a fit went: costs and counts of each set and of each treatment, and a Tippett plot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from models.registry import Likelihood
from training.data import tables
from training.evaluate.likelihood import fit
from training.evaluate.likelihood.judged import Float, Judged, bounded, levels
from training.evaluate.likelihood.measures import cllr, cllr_min
from training.evaluate.likelihood.people import Scored, together
from training.evaluate.likelihood.refit import Sets
from training.evaluate.plots import of_evidence
from training.evaluate.scored import Row

VIDEOS = "val"


def table(sets: Sets, model: Likelihood) -> list[Row]:
    """A row for each set, and for each treatment of the val people. Reals and fakes are counted as
    people; those called fake, suspicious or real as what one picture of each leads one to expect.
    """
    return [_row(name, log, scored, model) for name, log, scored in _told(sets, model)]


def _told(sets: Sets, model: Likelihood) -> Iterator[tuple[str, Float, Scored]]:
    """Each set with ln LR before the bounds; that of val people by lines without them."""
    log, videos = fit.held_out(sets.videos, model.quality), sets.videos
    yield VIDEOS, log, videos
    for treatment in dict.fromkeys(videos.treatments.tolist()):
        alike = videos.treatments == treatment
        yield f"{VIDEOS}, {treatment}", log[alike], videos.take(alike)
    if sets.forgeries is not None:
        yield "own forgeries, H.264 CRF 40", fit.logs(sets.forgeries, model), sets.forgeries
    photos = {"photos, fitted": sets.photos, "photos, not fitted": sets.unseen}
    for name, scored in photos.items():
        if scored is not None:
            yield name, fit.logs(scored, model) - model.still, scored
    if sets.stills is not None:
        stills = sets.stills if sets.unseen is None else together([sets.unseen, sets.stills])
        yield "stills, not fitted", fit.logs(stills, model) - model.still, stills


def _row(name: str, log: Float, scored: Scored, model: Likelihood) -> Row:
    row: Row = {"set": name, "cllr": "", "cllr_min": ""}
    inside, called, weights = bounded(log, model), levels(log, model), scored.weights()
    if 0 < scored.fake.sum() < len(scored):
        row["cllr"] = round(cllr(scored.fake, inside), 3)
        row["cllr_min"] = round(cllr_min(scored.fake, inside), 3)
    for who, chosen in (("reals", ~scored.fake), ("fakes", scored.fake)):
        row[who] = round(float(weights[chosen].sum()))
        for level in ("fake", "suspicious", "real"):
            count = float(weights[chosen & (called == level)].sum())
            row[f"{who}_called_{level}"] = round(count, 1)
    return row


def write(name: str, sets: Sets, model: Likelihood, rows: list[Row], folder: Path) -> list[Path]:
    """The table and the Tippett plot of the val people, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "lr.csv"]
    tables.write(written[0], rows, rows[0])
    log, videos = fit.held_out(sets.videos, model.quality), sets.videos
    told = levels(log, model), videos.people, videos.kinds
    for title, figure in of_evidence("lr", Judged(videos.fake, bounded(log, model), *told)).items():
        figure.suptitle(f"{name} on people of {model.part} whom its line has not seen", fontsize=9)
        written.append(folder / f"{title}.png")
        figure.savefig(written[-1], dpi=110)
    return written
