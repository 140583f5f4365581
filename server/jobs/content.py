"""The SHA-256 of a download, made by whoever owns it and not by who reads what strangers wrote."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

PLAIN = re.compile(r"(?!\.\.?/)[^/\0]+/(?!\.\.?\Z)[^/\0]+")  # a folder and a file in it


def sha256_of(scratch: Path, name: str) -> str | None:
    """Of the plain file `name`, FOLDER/FILE in the scratch folder; None if there is none."""
    if not PLAIN.fullmatch(name):
        return None
    folder, _, file = name.partition("/")
    with suppress(OSError):
        inner = os.open(scratch / folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=inner)
        finally:
            os.close(inner)
        with os.fdopen(opened, "rb") as content:
            if stat.S_ISREG(os.fstat(opened).st_mode):
                return hashlib.file_digest(content, "sha256").hexdigest()
    return None
