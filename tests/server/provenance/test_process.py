"""The reader's process: what a whole check says, and what is left of it when a file breaks it."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.config import ConfigError, Settings
from server.processes import landlock, seccomp
from server.processes.protocol import Task
from tests.media import picture
from tests.server.provenance.test_marks import chunk, png, text
from tests.server.service import ROOT
from tests.server.test_confined_child import outcome, task_for
from tests.signing import action, authority, signed

# Starts a reader as a check does; `before` may change how it reads.
PROGRAM = """
import dataclasses, json, os, socket, sys
from pathlib import Path
from server.analysis.provenance.records import Declaration, Provenance
from server.processes import provenance
from server.processes.protocol import Checking
asked = json.load(sys.stdin)
exec(asked["before"])
task = Checking(**asked["task"])
result = provenance.start(Path(task.file), task.trust_list, task.memory_bytes).result()
print(json.dumps(dataclasses.asdict(result)))
"""
TRIES = """
def tried(statement):
    try:
        exec(statement, {**globals(), "media": media})
    except BaseException as error:
        return type(error).__name__
    return "done"
def read(path, trust_list):
    global media
    media = str(path)
    for statement in asked["statements"]:
        said = Declaration("iptc", (), by=tried(statement))
        yield Provenance("read", (said,))
provenance.read = read
"""
LITTLE_MEMORY = """
[held] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmData")]
asked["task"]["memory_bytes"] = 1024 * int(held) + 40_000_000
"""
REFUSED = ["socket.socket().connect(('127.0.0.1', 9))", "open(media, 'a')", "os.fork()"]
REFUSED_BY_LANDLOCK = ["open('/etc/passwd')"]


def reading(task: Task, before: str = "", statements: tuple[str, ...] = ()) -> dict[str, Any]:
    asked = {"task": dataclasses.asdict(task.work), "before": before, "statements": statements}
    ended = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM],
        input=json.dumps(asked),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.fixture
def made(plain: dict[str, Path], tmp_path: Path) -> Path:
    """Signed as generated, and labelled with the settings of a generator."""
    path = png(plain, tmp_path / "labelled.png", text("hf-job-id", "1"))
    return signed(path, tmp_path / "made.png", action("created", "trainedAlgorithmicMedia"))


def test_a_check_says_what_its_file_declares(made: Path, tmp_path: Path) -> None:
    trust_list = tmp_path / "trust.pem"
    trust_list.write_text(authority().pem)
    message, _ = outcome(task_for(made, tmp_path, trust_list=str(trust_list)))
    provenance = message["result"]["provenance"]
    assert provenance["state"] == "read"
    credentials, generator = provenance["declarations"]
    assert (credentials["seal"], credentials["claims"]) == ("trusted", ["generated"])
    assert (generator["source"], generator["by"]) == ("generator", "Hugging Face")
    assert message["result"]["label"] == "no-face"  # what is declared is no part of it


@pytest.mark.attack
@pytest.mark.parametrize("statement", [*REFUSED, *REFUSED_BY_LANDLOCK])
def test_it_is_confined(plain: dict[str, Path], tmp_path: Path, statement: str) -> None:
    if statement in REFUSED_BY_LANDLOCK and not landlock.abi():
        pytest.skip("this kernel has no Landlock")
    if statement == "os.fork()" and not seccomp.available():
        pytest.skip("no seccomp filter for this machine")
    found = reading(task_for(plain[".jpg"], tmp_path), TRIES, (statement,))
    assert found["declarations"][0]["by"] in ("Confined", "PermissionError")


@pytest.mark.attack
def test_memory_that_runs_out_leaves_the_labels(made: Path, tmp_path: Path) -> None:
    """Compiled code ends its process then; what was read before holds."""
    data = made.read_bytes()
    at = data.index(b"caBX") - 4
    size = int.from_bytes(data[at : at + 4])
    content = data[at + 8 : at + 8 + size] + bytes(30_000_000)
    made.write_bytes(data[:at] + chunk(b"caBX", content) + data[at + 12 + size :])
    found = reading(task_for(made, tmp_path), LITTLE_MEMORY)
    credentials, generator = found["declarations"]
    assert (credentials["seal"], credentials["claims"]) == ("unreadable", [])
    assert generator["by"] == "Hugging Face"


@pytest.mark.attack
@pytest.mark.parametrize(
    "end",
    [
        "import time; time.sleep(60)",
        "import signal, time; signal.signal(signal.SIGALRM, signal.SIG_IGN); time.sleep(60)",
        "os.abort()",
        "os.write(3, b'nonsense\\n' * 9 + b'{\"state\": \"read\"}\\n'); os._exit(0)",
        "os.write(3, b'{' * 300_000)",
    ],
)
def test_a_reader_that_fails_costs_nothing_else(
    plain: dict[str, Path], tmp_path: Path, end: str
) -> None:
    before = f"provenance.READER_S = 1\ndef read(*_):\n    {end}\n    yield\nprovenance.read = read"
    found = reading(task_for(plain[".jpg"], tmp_path), before)
    assert found == {"state": "unreadable", "declarations": []}


@pytest.mark.attack
def test_a_check_outlives_its_reader(tmp_path: Path) -> None:
    """Here the list of certificates is gone, so that no reader can work."""
    path = picture(tmp_path / "plain.jpg", np.full((64, 64, 3), 128, np.uint8))
    task = task_for(path, tmp_path, trust_list=str(tmp_path / "gone.pem"))
    message, _ = outcome(task)
    assert message["result"]["provenance"] == {"state": "unreadable", "declarations": []}


def test_the_setting_names_a_file_of_certificates(tmp_path: Path) -> None:
    listed = tmp_path / "list.pem"
    with pytest.raises(ConfigError, match=r"MESOSCOPE_TRUST_LIST.*cannot be read"):
        Settings.from_env({"MESOSCOPE_TRUST_LIST": str(listed)})
    listed.write_text("none")
    with pytest.raises(ConfigError, match="holds no certificate"):
        Settings.from_env({"MESOSCOPE_TRUST_LIST": str(listed)})
    listed.write_text(authority().pem)
    assert Settings.from_env({"MESOSCOPE_TRUST_LIST": str(listed)}).trust_list == str(listed)
