"""The deployment files: what they name exists, and what they start starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from server.config import PREFIX, Settings
from tests.server.service import ROOT, free_port, until

DEPLOY = ROOT / "deploy"
SETTINGS = set(Settings().to_env())
COMMANDS = {"run", "serve", "worker"}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def dockerfile() -> list[list[str]]:
    """Its instructions, each as its words."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def env(path: Path) -> dict[str, str]:
    lines = [line.removeprefix("#") for line in path.read_text().splitlines() if "=" in line]
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))


def test_compose_names_settings_files_and_commands_that_exist() -> None:
    described = compose()
    for name, service in described["services"].items():
        settings = {key for key in service.get("environment", {}) if key.startswith(PREFIX)}
        assert settings <= SETTINGS, name
        assert set(service["networks"]) <= set(described["networks"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = source in described["volumes"] or (DEPLOY / source).is_file()
            assert known, volume
    for name in ("web", "worker"):
        service = described["services"][name]
        assert service["command"] in COMMANDS
        assert service["read_only"]
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        environment = service["environment"]
        read = {key: value for key, value in environment.items() if "${" not in value}
        Settings.from_env(read)
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert asked == set(env(DEPLOY / "example.env"))


def test_secrets_have_no_default() -> None:
    for path in (DEPLOY / "example.env", DEPLOY / "systemd" / "mesoscope.env"):
        assert env(path)["MESOSCOPE_TOKEN"] == ""
    assert env(DEPLOY / "example.env")["POSTGRES_PASSWORD"] == ""


def test_the_image_is_not_run_by_root_and_installs_what_is_locked() -> None:
    instructions = dockerfile()
    users = [words[1] for words in instructions if words[0] == "USER"]
    assert users == ["mesoscope"]
    (install,) = (words for words in instructions if "pip" in words)
    assert {"--require-hashes", "--no-deps"} <= set(install)
    variables = re.findall(r"MESOSCOPE_\w+", (DEPLOY / "Dockerfile").read_text())
    assert set(variables) <= SETTINGS
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for words in instructions:
        if words[0] == "COPY":
            assert (ROOT / words[1]).exists()
            assert f"!{words[1]}" in kept


@pytest.mark.slow
def test_what_the_image_copies_is_enough(tmp_path: Path) -> None:
    """The same files in a folder of their own serve the page, and check a picture."""
    for words in dockerfile():
        if words[0] == "COPY":
            _, source, target = words
            copy = _copy_tree if (ROOT / source).is_dir() else shutil.copy
            (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / source, tmp_path / target)
    port = free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    settings = {"MESOSCOPE_PORT": str(port), "MESOSCOPE_DATA_DIR": str(tmp_path / "data")}
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "run"],
        cwd=tmp_path,
        env=clean | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _ready(url), 60)
        page = requests.get(f"{url}/", timeout=60)
        assets = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
        assert assets
        scripts = [f"/static/{path.name}" for path in (ROOT / "server/web/static").glob("*.js")]
        for path in (*assets, *scripts):
            assert requests.get(url + path, timeout=60).ok, path
        with (ROOT / "server/web/static/sample.jpg").open("rb") as file:
            answer = requests.post(f"{url}/check-file?wait=55", files={"file": file}, timeout=60)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["faces"]) == 1
    finally:
        process.terminate()
        process.wait(30)


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=60).ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_units_are_sound(unit: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = unit.read_text()
    command = re.search(r"-m server (\w+)$", text, re.MULTILINE)
    assert command
    assert command[1] in COMMANDS
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / unit.name  # as if the checkout were where the unit says
        python = text.replace("/opt/mesoscope/.venv/bin/python", sys.executable)
        here.write_text(python.replace("/opt/mesoscope", str(ROOT)))
        run = ["systemd-analyze", "verify", str(here)]
        done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    about = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, about) == (0, []), done.stderr


def test_the_units_settings_exist() -> None:
    assert UNITS
    assert set(env(DEPLOY / "systemd" / "mesoscope.env")) <= SETTINGS
    for unit in UNITS:
        assert set(re.findall(r"MESOSCOPE_[A-Z_]+", unit.read_text())) <= SETTINGS


def test_the_guide_names_what_exists() -> None:
    guide = ROOT / "docs" / "deployment.md"
    text = guide.read_text()
    links = re.findall(r"\]\(([^)#:]+)", text)
    assert links
    for link in links:
        assert (guide.parent / link).exists(), link
    assert set(re.findall(r"MESOSCOPE_[A-Z_]+", text)) <= SETTINGS
    for path in (*UNITS, DEPLOY / "compose.yaml", DEPLOY / "Dockerfile", DEPLOY / "Caddyfile"):
        assert path.name in text
