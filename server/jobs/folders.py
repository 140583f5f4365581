"""Where one machine keeps what it needs for its jobs, all under the data folder."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from server.config import ConfigError


@dataclass(frozen=True, slots=True)
class Folders:
    """`uploads`: files sent by people; `scratch`: one folder an attempt; `spool`: messages;
    `feedback`: what people told of wrong verdicts."""

    root: Path

    @classmethod
    def create(cls, data_dir: Path) -> Folders:
        """Make the folders, readable by their owner only: people's media pass through them.

        What was there already is closed to others too.
        """
        folders = cls(data_dir.resolve())
        folders.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = (folders.uploads, folders.scratch, folders.spool, folders.feedback)
        for path in own:
            path.mkdir(mode=0o700, exist_ok=True)
            _close(path, 0o700)
        for path in folders.root.glob(f"{folders.database.name}*"):
            _close(path, 0o600)
        others = {path for path in folders.root.iterdir() if path not in own}
        if all(path.name.startswith(folders.database.name) for path in others):
            _close(folders.root, 0o700)  # else it may be a folder that others need, such as a home
        return folders

    def upload(self, source: str) -> Path:
        """Where the upload is that a job has as its source, if it is on this machine.

        Only the name counts: nothing outside of our folder is ever read or deleted as an upload.
        """
        return self.uploads / Path(source).name

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def scratch(self) -> Path:
        return self.root / "scratch"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    @property
    def database(self) -> Path:
        return self.root / "jobs.db"


def _close(path: Path, mode: int) -> None:
    """Give a file or folder of ours this mode; raises ConfigError if it is not ours."""
    try:
        if stat.S_IMODE(path.stat().st_mode) != mode:
            path.chmod(mode)
    except FileNotFoundError:  # a file of the database's that came and went
        pass
    except PermissionError as error:
        raise ConfigError(
            f"{path} belongs to somebody else, who could read people's media there: choose another "
            "MESOSCOPE_DATA_DIR, or give that one to the user who runs the service"
        ) from error
