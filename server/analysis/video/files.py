"""Files on disk, whatever they hold."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from server.errors import EmptyFile, NotFound, Unreadable

END_BYTES = 1024 * 1024


def open_file(path: Path) -> int:
    """A descriptor of the regular, non-empty file `path`.

    Raises NotFound, Unreadable or EmptyFile.
    """
    try:
        # A pipe would wait for a writer that never comes.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"There is no file {path.name!r}. Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(f"{path.name!r} cannot be opened: {reason}.") from error
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size > 0:
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable(f"{path.name!r} is a folder. Name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable(f"{path.name!r} is not a regular file.")
    raise EmptyFile(f"{path.name!r} holds no bytes. Get it again from where it came from.")


@dataclass(frozen=True, slots=True)
class FileEnds:
    """The first and last megabyte of a file, and its size in bytes."""

    head: bytes
    tail: bytes
    size: int

    @classmethod
    def of(cls, path: Path) -> FileEnds:
        """Raises NotFound, Unreadable or EmptyFile."""
        with os.fdopen(open_file(path), "rb") as file:
            head = file.read(END_BYTES)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - END_BYTES))
            return cls(head, file.read(END_BYTES), size)
