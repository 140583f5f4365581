"""What `make` installs depends neither on the machine's pip nor on what was released since."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import Marker

from benchmarks.peers import environments
from tests import wheels
from tests.conftest import ROOT

SERVE = "requirements-serve.txt"
HOMES = {
    SERVE: ".venv",
    "requirements.txt": ".venv-dev",
    "requirements-gpu.txt": ".venv-gpu",
    "requirements-jax.txt": ".venv-jax",
    "requirements-tflite-runtime.txt": ".venv-tflite-runtime",
}
INSTALLED = """
import json, platform
from importlib.metadata import distributions
packages = {found.name: found.version for found in distributions()}
print(json.dumps([platform.python_version(), packages]))
"""


@pytest.fixture(scope="session")
def old_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pip that looks for `name[extra]` among the newest releases."""
    folder = tmp_path_factory.mktemp("pip")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    command += ["--requirement", ROOT / "tests" / "old-pip.txt"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"tests/old-pip.txt cannot be installed: {done.stderr.strip()[-200:]}")
    return folder


class Checkout:
    """The Makefile and one lock in a folder, and an index with newer releases of all it names."""

    def __init__(self, folder: Path, lock: str, pip: Path) -> None:
        index = folder / "index"
        index.mkdir()
        (folder / lock).parent.mkdir(parents=True, exist_ok=True)
        (folder / lock).write_text(wheels.publish((ROOT / lock).read_text(), index))
        shutil.copy(ROOT / "Makefile", folder)
        ours = {"PIP_FIND_LINKS": index, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
        ours |= {"UV_FIND_LINKS": index, "UV_OFFLINE": "1", "UV_NO_CONFIG": "1"}
        ours |= {"UV_CACHE_DIR": folder / "cache", "PYTHONPATH": pip}
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "MAKE"))}
        self.folder, self.environ = folder, clean | {name: str(v) for name, v in ours.items()}

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def make(self, target: str, *settings: str) -> subprocess.CompletedProcess[str]:
        """With the uv of the environment that the tests run in, which is left as it is."""
        uv = [f"DEV={sys.prefix}", "-o", f"{sys.prefix}/.ready"] if "tflite" in target else []
        return self.run("make", *uv, f"PYTHON={sys.executable}", *settings, target)

    def installed(self, home: str) -> tuple[str, dict[str, str]]:
        """The version of an environment's Python, and its packages with theirs."""
        listed = self.run(self.folder / home / "bin" / "python", "-I", "-c", INSTALLED)
        python, packages = json.loads(listed.stdout)
        return python, packages


def locked(lock: str, python: str) -> set[tuple[str, str]]:
    """Names and versions that a lock holds for a version of Python on this machine."""
    return {
        (entry.name, entry.version)
        for entry in wheels.entries((ROOT / lock).read_text())
        if not entry.marker or Marker(entry.marker).evaluate({"python_full_version": python})
    }


def test_every_lock_has_its_environment() -> None:
    assert set(HOMES) == {path.name for path in ROOT.glob("requirements*.txt")}


@pytest.mark.parametrize(
    "lock", [pytest.param(lock, marks=[] if lock == SERVE else pytest.mark.slow) for lock in HOMES]
)
def test_a_lock_is_installed_by_an_old_pip(lock: str, old_pip: Path, tmp_path: Path) -> None:
    checkout, home = Checkout(tmp_path, lock, old_pip), HOMES[lock]
    done = checkout.make(f"{home}/.ready")
    if "No interpreter found for Python 3.11" in done.stderr:
        pytest.skip("tflite-runtime wants Python 3.11, which is not here")
    assert done.returncode == 0, done.stderr
    python, packages = checkout.installed(home)
    assert locked(lock, python) <= packages.items()


def test_the_old_pip_would_take_newer_releases(old_pip: Path, tmp_path: Path) -> None:
    """Else the test above would hold by chance."""
    checkout = Checkout(tmp_path, SERVE, old_pip)
    assert checkout.run(sys.executable, "-m", "venv", "--without-pip", "v").returncode == 0
    done = checkout.run("v/bin/python", "-m", "pip", "install", "--dry-run", "-r", SERVE)
    assert "all requirements must have their versions pinned" in done.stderr


def test_the_locks_hold_all_that_their_packages_ask_for() -> None:
    """Here, where they are installed without a look at what each asks for."""
    uv = [Path(sys.prefix) / "bin" / "uv", "pip", "check", "--python", sys.executable]
    done = subprocess.run(uv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("script", "cure"),
    [
        ("exit 127", "install one and name it"),
        ("case $2 in *version_info*) exit 1;; esac", "install one and name it"),
        ("case $2 in *ensurepip*) exit 1;; esac", "apt install python3.9-venv"),
    ],
    ids=["missing", "old", "without-venv"],
)
def test_a_python_that_will_not_do(script: str, cure: str, tmp_path: Path) -> None:
    python = tmp_path / "python3.9"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    command = ["make", "-C", tmp_path, "-f", ROOT / "Makefile", f"PYTHON={python}", ".venv/.ready"]
    (tmp_path / SERVE).touch()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    said = [line for line in done.stdout.splitlines() if not line.startswith("make")]
    assert len(said) == 1
    assert cure in said[0]


def test_why_npm_failed_is_told(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "extension").mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "extension" / name, tmp_path / "extension")
    nowhere = {"npm_config_registry": "http://127.0.0.1:9", "npm_config_fetch_retries": "0"}
    done = subprocess.run(
        ["make", "extension/node_modules/.ready"],
        cwd=tmp_path,
        env=os.environ | nowhere | {"npm_config_cache": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "ECONNREFUSED" in done.stderr


@pytest.mark.slow
def test_a_peer_is_installed_by_an_old_pip(
    old_pip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = Checkout(tmp_path, "benchmarks/peers/facenet.txt", old_pip)
    for name, value in checkout.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path / "benchmarks" / "peers")
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    environments.make("facenet")
    python, packages = checkout.installed("facenet")
    assert locked("benchmarks/peers/facenet.txt", python) <= packages.items()


def test_whoever_installs_a_lock_by_hand_is_told_how() -> None:
    told = [ROOT / "Makefile", *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*")]
    texts = [path.read_text() for path in told if path.is_file()]
    commands = [line for text in texts for line in re.findall(r"pip install .*-r .*", text)]
    assert len(commands) > 3
    assert [line for line in commands if "--no-deps" not in line] == []


def test_no_file_is_a_link() -> None:
    """A zip download or a checkout on Windows has a file with the target's name in its place."""
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    assert [line for line in listed.stdout.splitlines() if line.startswith("120000")] == []


def test_make_help_names_every_target() -> None:
    targets = re.search(r"\.PHONY: (.+)", (ROOT / "Makefile").read_text())
    assert targets
    command = ["make", "--no-print-directory", "help"]  # the tests may be run by make, too
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[1] for line in done.stdout.splitlines()] == targets[1].split()
