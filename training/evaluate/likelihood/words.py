"""What a card says of a model's likelihood ratios."""

from __future__ import annotations

import numpy as np

from models.registry import ModelSpec


def said(spec: ModelSpec) -> str:
    """A table of what stands in the spec, or how to fit it."""
    model = spec.likelihood
    if model is None:
        return f"None were fitted: `python -m training lr {spec.name}`."
    low, high = model.bounds
    fake, suspect, real = (
        f"{np.exp(at):.2g}" for at in (model.fake_at, model.suspect_at, model.real_at)
    )
    found, seen = model.guarantee, ", ".join(model.covers)
    rows = {
        "People": f"{model.genuine} genuine, {model.manipulated} manipulated, of {model.part}",
        "Bounds": f"{low:g} to {high:g}: these people carry no more (ELUB)",
        "Levels, before the bounds": f"fake from {fake}, suspicious from {suspect}, real to {real}",
        "Scores vary between people, clips, frames": f"{model.people:g}, {model.clips:g}, "
        f"{model.frames:g} logits",
        "Genuine people called fake": f"{found.flagged} of {found.people}, at most "
        f"{found.flagged_at_most:.1%} at 95 % confidence",
        "Fake or suspicious": f"{found.suspected}, at most {found.suspected_at_most:.1%}",
        '"No sign" tells against': seen or "nothing that was measured",
        "Not against": ", ".join(model.blind_to) or "-",
    }
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join(lines)
