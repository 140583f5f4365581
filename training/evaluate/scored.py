"""What every evaluator takes, and what it gives: a scored set of crops, and rows of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.crops import Crops
from training.evaluate import videos
from training.evaluate.likelihood.judged import Judged, judged
from training.evaluate.model import Model, p_fake
from training.metrics import has_both

Row = dict[str, Any]


@dataclass(frozen=True)
class Scored:
    """N crops, and the P(fake) float32 [N] that `model` gives them."""

    model: Model
    crops: Crops
    p_fake: NDArray[np.float32]

    @property
    def has_both(self) -> bool:
        """Whether there are reals and fakes."""
        return has_both(self.crops.fake)

    @cached_property
    def clips(self) -> videos.Videos:
        """The clips among the crops, as the service would judge them."""
        model = self.model
        return videos.judged(self.crops, self.p_fake, model.calibration, model.likelihood)

    @cached_property
    def evidence(self) -> dict[str, Judged]:
        """Likelihood ratios of people and of clips, by the names of their tables; none where the
        model has none."""
        if self.model.likelihood is None:
            return {}
        return judged(self.crops, self.p_fake, self.clips, self.model.likelihood)


Evaluator = Callable[[Scored], list[Row]]  # no rows where the set does not allow the question


def scored(model: Model, crops: Crops) -> Scored:
    """`crops` once `model` has seen them."""
    return Scored(model, crops, p_fake(model, crops))
