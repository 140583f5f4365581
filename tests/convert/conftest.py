"""What several tests of the converter start from."""

from __future__ import annotations

import pytest

from tests.convert import models


@pytest.fixture(scope="module")
def crops(tmp_path_factory, astronaut):
    return models.crops(tmp_path_factory.mktemp("crops"), astronaut)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "theirs.keras"
    models.network().save(path)
    return path
