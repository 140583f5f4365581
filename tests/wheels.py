"""A lock's packages as empty wheels, each beside a newer release of the same package."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

NEWER = "9999"
ENTRY = re.compile(r"(?m)^([a-z0-9.-]+)==(\S+)(?: ; (.+?))? \\\n((?:[ ].*\n?)+)")


class Entry(NamedTuple):
    """One pinned package of a lock."""

    name: str
    version: str
    marker: str  # where it is wanted; empty: everywhere
    wanted_by: frozenset[str]


def entries(lock: str) -> list[Entry]:
    """What a lock's text pins; who wants it stands in the comments that uv writes below each."""
    return [
        Entry(name, version, marker, frozenset(re.findall(r"#(?: via)? +([a-z0-9.-]+)\n", block)))
        for name, version, marker, block in ENTRY.findall(lock)
    ]


def publish(lock: str, folder: Path) -> str:
    """Write wheels of each entry's pinned release and of a newer one into the folder.

    Every package asks for the others with an extra, as apiflask asks for `pydantic[email]`.
    Returns the lock with the hashes of the pinned releases in place of the real ones.
    """
    pinned = entries(lock)
    hashes = {}
    for entry in pinned:
        wants = [
            f"{other.name}[more]>=0" + (f" ; {other.marker}" if other.marker else "")
            for other in pinned
            if entry.name in other.wanted_by
        ]
        _write(folder, entry.name, NEWER, wants)
        hashes[entry.name, entry.version] = _write(folder, entry.name, entry.version, wants)

    def rehashed(match: re.Match[str]) -> str:
        name, version, marker, _ = match.groups()
        pin = f"{name}=={version}" + (f" ; {marker}" if marker else "")
        return f"{pin} --hash=sha256:{hashes[name, version]}\n"

    return ENTRY.sub(rehashed, lock)


def _write(folder: Path, name: str, version: str, wants: list[str]) -> str:
    """An empty wheel; returns its SHA-256."""
    stem = f"{re.sub('[-.]', '_', name)}-{version}"
    facts = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        "Provides-Extra: more",
        *(f"Requires-Dist: {want}" for want in wants),
    ]
    made = {
        "METADATA": "\n".join(facts) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in made.items():
            wheel.writestr(f"{stem}.dist-info/{file}", text)
    return hashlib.sha256(path.read_bytes()).hexdigest()
