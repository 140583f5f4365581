"""What every test may ask for: freely licensed faces, clips made from them, and the shared data."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
pytest_plugins = ["tests.backends"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: quick ones then even out when the workers of a run end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def data_dir() -> Path | None:
    """Where the research data lies: MESOSCOPE_DATA, or ../shared/data beside the checkout."""
    path = Path(os.environ.get("MESOSCOPE_DATA", ROOT.parent / "shared" / "data"))
    return path if (path / "manifest.csv").is_file() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    path = data_dir()
    if path is None:
        pytest.skip("the research data is not here: put it in ../shared/data or set MESOSCOPE_DATA")
    return path


@pytest.fixture(scope="session")
def curl() -> str:
    """The program's path; a plain Debian has none."""
    path = shutil.which("curl")
    if path is None:
        pytest.skip("curl is not installed: apt-get install curl")
    return path


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What checks in the browser need besides the code, as the Makefile writes to build/local."""
    return _parts(tmp_path_factory.mktemp("parts"), None)


@pytest.fixture(scope="session")
def light_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the small classifier, for tests of all but the networks."""
    return _parts(tmp_path_factory.mktemp("light-parts"), "meso3")


def _parts(folder: Path, classifier: str | None) -> Path:
    from convert import browser
    from tests.extension.tools import tool

    litert = tool("litert")
    if not litert.PACKAGES.is_dir():
        pytest.skip("LiteRT.js is not installed: npm ci --prefix extension")
    browser.write(folder / "networks", classifier)
    litert.copy(folder / "litert")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A frontal face, uint8 [512, 512, 3]: NASA's public-domain portrait (scikit-image)."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut())
