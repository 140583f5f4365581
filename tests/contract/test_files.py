"""What is made from the code and kept as a file is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.contract.files import made

MADE = made()


@pytest.mark.parametrize("path", MADE, ids=lambda path: Path(path).relative_to(ROOT).as_posix())
def test_it_is_what_the_code_makes(path: Path) -> None:
    assert path.read_text() == MADE[path], "run `make contract`, and read what it changed"
