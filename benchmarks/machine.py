"""What a result was measured on, so that a number can be judged and had again."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def setting(command: str, packages: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    """Columns for a row of results: the day, the command, the machine and the versions.

    `packages`: names of those that are here, or the versions of those that were used elsewhere.
    """
    if not isinstance(packages, Mapping):
        packages = {name: version(name) for name in packages}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": ", ".join(
            [
                f"python {platform.python_version()}",
                *(f"{name} {number}" for name, number in packages.items()),
            ]
        ),
    }


def _processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
