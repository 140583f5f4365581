"""The data folder is its owner's, also where it was there before; nothing outside is an upload."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.config import ConfigError, Settings
from server.jobs.folders import Folders
from server.jobs.tables import database_url, open_engine
from tests.server.service import ROOT


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def everything(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


@pytest.mark.attack
def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("uploads", "scratch", "spool"):
        (data / name).mkdir(parents=True, mode=0o755)
    for name in ("jobs.db", "jobs.db-wal"):
        (data / name).write_bytes(b"")
        (data / name).chmod(0o644)
    data.chmod(0o755)
    Folders.create(data)
    for path in everything(data):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_a_new_database_is_its_owners_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        open_engine(database_url(Settings(data_dir=tmp_path / "data"))).dispose()
    finally:
        os.umask(before)
    for path in everything(tmp_path / "data"):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_a_folder_that_holds_other_things_stays_as_it_is(tmp_path: Path) -> None:
    """Only what is ours in it is closed: it may be somebody's home."""
    (tmp_path / "letter.txt").write_text("x")
    tmp_path.chmod(0o755)
    made = Folders.create(tmp_path)
    assert (mode(tmp_path), mode(tmp_path / "letter.txt")) == (0o755, 0o644 & ~_umask())
    assert {mode(path) for path in (made.uploads, made.scratch, made.spool)} == {0o700}


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def test_what_is_not_ours_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "uploads").mkdir(mode=0o755)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(ConfigError, match="MESOSCOPE_DATA_DIR"):
        Folders.create(tmp_path)


def test_the_service_writes_for_nobody_else(tmp_path: Path) -> None:
    code = (
        "import os; from server import launch; from server.config import Settings\n"
        "import pathlib, resource\n"
        "launch._prepare(Settings()); pathlib.Path('made').touch()\n"
        "print(oct(os.stat('made').st_mode & 0o777), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    limit = f"ulimit -Sn 300; exec {sys.executable} -c '{code.replace(chr(39), chr(34))}'"
    ended = subprocess.run(
        ["bash", "-c", limit],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.startswith("0o600")
    assert "(300," not in ended.stdout


@pytest.mark.attack
@pytest.mark.parametrize("source", ["/etc/passwd", "../../etc/passwd", "/data/uploads/passwd"])
def test_only_names_in_our_folder_are_uploads(tmp_path: Path, source: str) -> None:
    made = Folders(tmp_path)
    assert made.upload(source) == tmp_path / "uploads" / "passwd"
