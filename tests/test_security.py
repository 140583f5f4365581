"""SECURITY.md names tests; they are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMED = re.findall(r"`([a-z0-9_/]+\.py)(?:::(\w+))?`", (ROOT / "SECURITY.md").read_text())


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_what_the_threat_table_names_exists(path: str, name: str) -> None:
    places = [folder / path for folder in (ROOT, ROOT / "tests/server", ROOT / "server/fetch")]
    found = [place for place in places if place.is_file()]
    assert found
    assert not name or f"def {name}(" in found[0].read_text()
