"""What decides a training run, and the recipe of each of our networks."""

from __future__ import annotations

from dataclasses import dataclass, field

from models import meso
from training.data.augment import Augmentation


@dataclass(frozen=True, slots=True)
class Config:
    """All that decides a run. The defaults are the recipe of the committed meso3."""

    model: str = "meso3"
    input_px: int = meso.MESO3_INPUT_PX
    # "imagenet"; then, after a "+" or alone, a registered name or a .keras file; "": from nothing
    start: str = "imagenet"
    epochs: int = 8
    schedule: str = "cycle"  # or "constant", which may be stopped, and cooled down, anywhere
    pairs_per_batch: int = 16
    own_pairs: int = 0  # fakes of our own in a batch, and their reals: of the train part
    photo_pairs: int = 0  # the same, of photos of adults
    learning_rate: float = 5e-4
    warmup: float = 0.1  # share of the steps; of one epoch where the rate is constant
    weight_decay: float = 0.02
    label_smoothing: float = 0.05  # some DFDC fakes are hardly touched
    ema: float = 0.998  # decay per step of the averaged weights
    teacher: str = (
        ""  # a registered name, NAME:VARIANT or a file: half of each label is its P(fake)
    )
    train_norm: bool = False  # else batch norm stays as in ImageNet: half the CPU time
    frozen: str = ""  # prefixes of the layers that stay as they started, "stem stage1"
    checkpoint_steps: int = 0  # 0: once an epoch
    seed: int = 20261123
    note: str = ""
    augmentation: Augmentation = field(default_factory=Augmentation)


RECIPES = {
    "meso3": Config(),
    # What meso3 goes on to: fakes of our own and photos among the pairs, rougher treatment.
    "meso3-tuned": Config(
        start="meso3",
        epochs=3,
        pairs_per_batch=11,
        own_pairs=3,
        photo_pairs=2,
        learning_rate=2e-4,
        augmentation=Augmentation(
            shrink=0.4, shrink_to=(0.2, 0.9), jpeg=0.5, jpeg_quality=(20, 95), h264=0.15
        ),
    ),
    "meso3-full": Config(
        model="meso3-full",
        input_px=meso.FULL_INPUT_PX,
        start="imagenet+meso3",
        epochs=3,
        learning_rate=3e-4,
        frozen="stem stage1",  # Meso-3's, as it learned them: a quarter of the time
        checkpoint_steps=200,
    ),
    # The published networks by the recipe of meso3: the same crops at the same size, as often. They
    # start from nothing, so their norms must learn.
    "meso4": Config(model="meso4", epochs=6, start="", train_norm=True),
    "mesoinception4": Config(model="mesoinception4", epochs=6, start="", train_norm=True),
}
