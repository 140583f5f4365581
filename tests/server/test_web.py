"""The page's source keeps its promises: no markup from strings, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

STATIC = ROOT / "server" / "web" / "static"
FILES = sorted(path for path in STATIC.iterdir() if path.suffix in {".js", ".html", ".css"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_of_the_page(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"(?:src|href|url|from|import)\W{1,3}https?:", text), "no other site"
    if path.suffix == ".html":
        assert not re.search(r"<script(?! type=\"module\" src=)|\son\w+=|\sstyle=", text)
    if path.suffix == ".js":
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
        assert not re.search(forbidden, text), "text only arrives as textContent"
        assert not re.search(r"^(let|var) ", text, re.M), "no mutable state in a module"
        assert len(text.splitlines()) < 250
