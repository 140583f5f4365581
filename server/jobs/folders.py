"""Where one machine keeps what it needs for its jobs, all under the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """`uploads`: files sent by people; `scratch`: one folder an attempt; `spool`: messages."""

    root: Path

    @classmethod
    def create(cls, data_dir: Path) -> Folders:
        """Make the folders, readable by their owner only: people's media pass through them."""
        folders = cls(data_dir.resolve())
        folders.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (folders.uploads, folders.scratch, folders.spool):
            path.mkdir(exist_ok=True)
        return folders

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
    def database(self) -> Path:
        return self.root / "jobs.db"
