"""The tiny network as one that training knows, and a recipe for it."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def tiny_recipe():
    """Training of the tiny network on pictures of 64 px as they are."""
    from models import multihead
    from tests.training.networks import tiny
    from training.data.crops import SIDE_PX
    from training.fit.batches import Views
    from training.fit.recipes import Recipe
    from training.fit.run import Optimisation
    from training.forgery.augment import Augmentation
    from training.forgery.media import STILL, Media

    still = Augmentation(**STILL)
    media = Media(light=still, wear=still, screen=0, h264=0, jpeg=0, webp=0)
    views = Views(window_px=64, scale=64 / SIDE_PX, zoomed=0, hidden=0, media=media)
    how = Optimisation(learning_rate=1e-2, warm=2, ema=0.9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(multihead.BUILDERS, "tiny", tiny)
        yield Recipe(model="tiny", input_px=64, pairs=4, seed=3, views=views, optimisation=how)


@pytest.fixture(scope="module")
def tiny_start(tmp_path_factory):
    """A file to start from, so that no weights of ImageNet are needed."""
    from tests.training.networks import tiny

    path = tmp_path_factory.mktemp("start") / "tiny.keras"
    tiny().save(path)
    return str(path)
