"""The tiny network as one that training knows."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def tiny_known():
    from models import meso
    from tests.training.networks import tiny

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(meso.BUILDERS, "tiny", tiny)
        yield "tiny"
