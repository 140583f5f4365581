"""Small pictures and films to sign and to label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.media import clip, numbered, picture


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file without any declaration, by the ending of its name."""
    return made(tmp_path_factory.mktemp("plain"))


def made(folder: Path) -> dict[str, Path]:
    """The same in `folder`."""
    rgb = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    stills = {end: picture(folder / f"plain{end}", rgb) for end in (".jpg", ".png", ".webp")}
    films = {end: clip(folder / f"plain{end}", numbered(5), fps=5) for end in (".mp4", ".mov")}
    return stills | films
