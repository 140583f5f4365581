"""The samples that come along, checked as files: the service fetches nothing from itself."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from flask import request

from server.api.uploads import new_path

FOLDER = Path(__file__).parents[1] / "web" / "static"
NAMES = ("sample-genuine.mp4", "sample-manipulated.mp4")


def sample(url: str) -> Path | None:
    """The sample that an address of this very service names, if it does."""
    try:
        asked = urlsplit(url)
    except ValueError:
        return None
    name = asked.path.removeprefix("/static/")
    return FOLDER / name if asked.netloc == request.host and name in NAMES else None


def copied(source: Path) -> tuple[Path, str, str]:
    """A copy to be checked and deleted: path, SHA-256 and title, as uploads.keep() gives them."""
    path = new_path()
    shutil.copyfile(source, path)
    return path, hashlib.sha256(source.read_bytes()).hexdigest(), source.name
