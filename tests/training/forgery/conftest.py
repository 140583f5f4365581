"""Two public-domain portraits as faces to forge, with the points that the mesh found in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.forgery import reconstruction
from training.forgery.examples import portraits
from training.forgery.landmarks import Faces
from training.forgery.mesh import FILE

# What landmarks.prepare(portraits()) found; kept so that no test needs the mesh's network.
POINTS = Path(__file__).with_name("portraits.npz")


@pytest.fixture(scope="session")
def crops():
    return portraits()


@pytest.fixture(scope="session")
def faces(crops) -> Faces:
    with np.load(POINTS) as kept:
        five, points = kept["five"], kept["points"]
    donors = np.array([[1, 1], [0, 0]], np.intp)
    return Faces(crops.images, five, points, donors, crops.identities)


@pytest.fixture(scope="session", autouse=True)
def kept_apart(tmp_path_factory):
    """What these tests reconstruct does not lie beside what training has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconstruction, "KEPT", tmp_path_factory.mktemp("reconstructed"))
        yield


@pytest.fixture(scope="session")
def mesh_file() -> Path:
    if not FILE.is_file():
        pytest.skip("the mesh's network is not here: `python -m training forgery-mesh` gets it")
    return FILE
