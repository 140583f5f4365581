"""What decides a run, and the recipe of each network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from models.multihead import EXPERTS
from training.fit.batches import Views
from training.fit.development import HELD_OUT
from training.fit.run import Optimisation
from training.forgery.kinds import KINDS
from training.forgery.landmarks import SIDE_PX
from training.forgery.media import WEAR, Media


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run. The shares are pairs of a batch of `pairs`, on average.

    `teacher`: a registered network with heads that teaches this one; the student sees the same
    windows, scaled to `input_px`. `without`: a kind of our own that is never made.
    """

    model: str = "traces"
    input_px: int = SIDE_PX
    pairs: int = 16
    deepfakes: float = 5
    deepfakes_partial: float = 0  # the share of those that only in part are false
    own: float = 4  # fakes of our own, made of DFDC's reals
    own_photos: float = 4  # the same, of FairFace's
    own_generated: float = 0.5  # of both
    generated: float = 1.75
    composites: float = 0.75
    teacher: str = ""
    without: str = ""
    seed: int = 20261126
    views: Views = field(default_factory=Views)
    optimisation: Optimisation = field(default_factory=Optimisation)


# Traces of blending are gone after the roughest of what media can do, and such pairs teach little;
# but every pair is compressed anew, since an untouched real still shows the grid of its own JPEG.
MILD = Media(
    wear=replace(WEAR, shrink=0.1, shrink_to=(0.6, 1.0), blur=0.05, noise=0.1),
    screen=0.03,
    h264=0.2,
    h264_crf=(18, 32),
    h264_scale=(0.6, 1.0),
    h264_preset="veryfast",
    jpeg=0.75,
    jpeg_quality=(55, 98),
    jpeg_again=0.1,
    webp=0.05,
)
ROUGH = replace(
    MILD,
    light=replace(MILD.light, light=0.5, colour=0.35),
    wear=replace(MILD.wear, shrink=0.15, shrink_to=(0.45, 1.0), blur=0.08),
    screen=0.02,
    h264_crf=(18, 38),
    jpeg=0.5,
    jpeg_quality=(40, 98),
)
BASE = Recipe(views=Views(window_px=160, zoom=1.15, zoomed=0.35, hidden=0.15, media=MILD))
SWAP_PX = EXPERTS["swap"][0]
SMALL_PX = 160
RECIPES = {
    # Blends are learned several times faster without deepfakes beside them.
    "traces": replace(
        BASE,
        deepfakes=0,
        own=5,
        own_photos=5,
        own_generated=2.5,
        generated=2.5,
        composites=1,
    ),
    # Deepfakes need the deep stages. Their pairs are few: each is shown in many ways, and the
    # other kinds keep the network from learning its actors by heart.
    "full": replace(
        BASE,
        model="full",
        deepfakes=30,
        own=11,
        own_photos=11,
        own_generated=2,
        generated=6,
        composites=4,
        deepfakes_partial=0.35,
        views=Views(window_px=208, zoom=1.15, zoomed=0.5, turned_deg=8, hidden=0.4, media=ROUGH),
        optimisation=Optimisation(learning_rate=4e-4, weight_decay=0.03),
    ),
    # Deepfakes alone, seen as a whole and shrunken.
    "swap": replace(
        BASE,
        model="swap",
        input_px=SWAP_PX,
        deepfakes=16,
        own=0,
        own_photos=0,
        own_generated=0,
        generated=0,
        composites=0,
        views=Views(
            window_px=SWAP_PX,
            scale=SWAP_PX / SIDE_PX,
            zoom=1.12,
            zoomed=0.8,
            hidden=0.4,
            media=replace(MILD, h264=0.25, h264_crf=(18, 38), jpeg=0.35, screen=0.0),
        ),
        optimisation=Optimisation(learning_rate=3e-4),
    ),
    "small": replace(
        BASE,
        model="small",
        input_px=SMALL_PX,
        deepfakes=24,
        own=13,
        own_photos=13,
        own_generated=3,
        generated=7,
        composites=4,
        deepfakes_partial=0.35,
        teacher="meso3-full",
        views=Views(
            window_px=SIDE_PX, zoom=1.12, zoomed=0.6, turned_deg=8, hidden=0.2, media=ROUGH
        ),
        optimisation=Optimisation(learning_rate=1e-3),
    ),
}


# Of each kind of fakes, by the set of val that measures it, what is to change so that a network
# never sees it in training.
LEFT_OUT: dict[str, dict[str, Any]] = {
    "dfdc": {"deepfakes": 0},
    "gan": {"generated": 0},
    "photoshop": {"composites": 0},
    **{name: {"without": name} for name in KINDS if name != HELD_OUT},
}


def left_out(recipe: Recipe, kind: str) -> Recipe:
    """The recipe without a kind of LEFT_OUT, and without a teacher, who has seen them all: what
    scales the windows for a student is then the view."""
    if recipe.teacher:
        px = recipe.input_px
        recipe = replace(recipe, views=replace(recipe.views, window_px=px, scale=px / SIDE_PX))
    return replace(recipe, teacher="", **LEFT_OUT[kind])
