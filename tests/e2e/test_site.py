"""The web site that end-to-end tests fetch from."""

from __future__ import annotations

import requests

from tests.e2e.conftest import Site


def test_each_test_file_has_addresses_of_its_own(web: Site, site: Site) -> None:
    """The service knows a checked address again: a name that two files use may not be one."""
    (site.folder / "note.txt").write_text("ours")
    assert requests.get(f"{site.url}/note.txt", timeout=20).text == "ours"
    assert requests.get(f"{web.url}/note.txt", timeout=20).status_code == 404
    moved = requests.get(f"{site.url}/moved/note.txt", timeout=20)
    assert (moved.url, moved.text) == (f"{site.url}/note.txt", "ours")
