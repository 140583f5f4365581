"""A Node.js that is too old for the extension's checks, as Debian 12's is, is named and not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extension import tools


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only program on the path; what it prints is up to the test."""
    program = tmp_path / "node"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


@pytest.mark.parametrize("version", ["20.19.0", "22.13.1", "26.0.0"])
def test_a_node_that_will_do(installed: Path, version: str) -> None:
    installed.write_text(f"#!/bin/sh\necho v{version}\n")
    assert tools.node() == str(installed)


@pytest.mark.parametrize("version", ["18.20.4", "20.9.0"])
def test_an_old_node(installed: Path, version: str) -> None:
    installed.write_text(f"#!/bin/sh\necho v{version}\n")
    with pytest.raises(pytest.skip.Exception, match=f"{version} is installed; .* want >=20"):
        tools.node()


def test_no_node(installed: Path) -> None:
    installed.unlink()
    with pytest.raises(pytest.skip.Exception, match=r"not installed; .* want >=20"):
        tools.node()
