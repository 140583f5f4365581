"""What libraries write to standard error stays away; what we write arrives."""

from __future__ import annotations

import subprocess
import sys

import pytest

from convert.quiet import quiet

NOISY = """
import logging, os, subprocess, sys
from convert.quiet import quiet
with quiet() as terminal:
    os.write(2, b"native")
    subprocess.run(["sh", "-c", "echo child >&2"])
    logging.getLogger("absl").warning("absl")
    print("ours", file=sys.stderr)
    print("given", file=terminal)
os.write(2, b"after")
"""


def test_only_what_is_ours_arrives() -> None:
    done = subprocess.run([sys.executable, "-c", NOISY], capture_output=True, text=True, check=True)
    assert done.stderr == "ours\ngiven\nafter"


def test_a_stream_that_somebody_put_there_stays(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet():
        print("ours", file=sys.stderr)
    assert capsys.readouterr().err == "ours\n"


def test_an_error_ends_it(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="bad"), quiet():
        raise ValueError("bad")
    print("after", file=sys.stderr)
    assert capfd.readouterr().err == "after\n"
