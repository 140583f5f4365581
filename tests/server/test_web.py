"""The page's source keeps its promises: no markup from strings, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.app import create_app
from server.config import Settings
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


def test_what_the_page_shares_with_the_extension_is_served(tmp_path: Path) -> None:
    client = create_app(Settings(data_dir=tmp_path)).test_client()
    texts = "\n".join(path.read_text() for path in FILES)
    shared = set(re.findall(r"[\"/](extension/[\w/.]+\.(?:js|css|json))\"", texts))
    assert len(shared) > 5
    for name in shared:
        with client.get(f"/static/{name}") as answer:
            assert answer.data == (ROOT / name.replace("extension/", "extension/src/")).read_bytes()
    assert client.get("/static/extension/../package.json").status_code == 404
    assert client.get("/static/extension/%2e%2e/package.json").status_code == 404
