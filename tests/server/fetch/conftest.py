"""The hostile web of the fetch tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.fetch_site import Canary, Site, make_media


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    make_media(folder)
    return folder


@pytest.fixture(scope="session")
def site(media: Path) -> Iterator[Site]:
    with Site(media) as running:
        yield running


@pytest.fixture
def canary() -> Iterator[Canary]:
    """A service that must not be reached; asserted when the test is over."""
    with Canary() as running:
        yield running
    assert running.connections == 0, "the canary was reached"
