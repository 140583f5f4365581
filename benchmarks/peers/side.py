"""The parent's end of one side of a comparison."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
TOLD = 2000  # last characters of a child's output that an error shows


class Broken(Exception):
    """A side ended before it had answered; the message holds what it said last."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One call: what it took by the side's own clock, and what it returned, as JSON has it."""

    seconds: float
    answer: Any


class Side:
    """A side that starts at once; a context manager, which waits until it is ready, and ends it.

    `module` is one of benchmarks.peers, `python` the interpreter of its environment, `name` what
    people call it. `versions`, once it is ready, are those of the packages that count.
    """

    def __init__(
        self,
        module: str,
        python: Path = Path(sys.executable),
        name: str | None = None,
        **options: Any,
    ) -> None:
        self.name = name or module
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the side
        self._process = subprocess.Popen(
            command(module, python, **options),
            cwd=ROOT,
            env={**os.environ, **QUIET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self.versions: dict[str, str] = {}

    def call(self, path: Path) -> Timed:
        """Raises Broken."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(str(path)) + "\n")
        self._process.stdin.flush()
        return Timed(**self._answer())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return dict(json.loads(line))
        self._process.wait()
        self._said.seek(0)
        said = self._said.read()[-TOLD:]
        self.close()
        raise Broken(f"{self.name} ended with {self._process.returncode}: {said}")

    def __enter__(self) -> Self:
        """Raises Broken if it cannot start."""
        self.versions = self._answer()["versions"]
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def command(module: str, python: Path = Path(sys.executable), **options: Any) -> list[str]:
    return [str(python), "-m", f"benchmarks.peers.{module}", json.dumps(options)]
