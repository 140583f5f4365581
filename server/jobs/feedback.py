"""What people told of verdicts that they hold to be wrong, as a folder that training reads.

    real/JOB/FACE-MOMENT.jpg      the crops that were judged, by what is right
    fake/JOB/FACE-MOMENT.jpg
    unsure/JOB/FACE-MOMENT.jpg    some of several people are fake, and not said which
    reports/JOB.json              the person's word, the version, and the verdict as it was
    manifest.csv                  who is on which crop

`python -m training evaluate MODEL FOLDER` takes it as it is, and `python -m server verify` each
report. It is kept until somebody deletes it, and nothing of it is sent anywhere.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Right = Literal["fake", "real"]
UNSURE = "unsure"
LABELS = ("real", "fake", UNSURE)
COLUMNS = ("file", "identity", "source", "time_s", "method")


@dataclass(frozen=True, slots=True)
class Crop:
    """The picture of a face that was judged, as JPEG."""

    face: int
    moment: int
    time_s: float
    jpeg: bytes

    @property
    def name(self) -> str:
        return f"{self.face}-{self.moment}.jpg"


class Feedback:
    """The folder, closed to others by its owner. Safe to share between threads; the
    caller has validated the job's id."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def keep(
        self,
        job_id: str,
        right: Right,
        verdict: dict[str, Any],
        crops: Iterable[Crop],
        version: str,
    ) -> dict[str, Any]:
        """Keep what is right of a job, in place of what was told before; returns what is kept
        beside the verdict."""
        label = UNSURE if right == "fake" and len(verdict["faces"]) > 1 else right
        with self._lock:
            self._forget(job_id)
            folder = self._root / label / job_id
            folder.mkdir(parents=True)
            rows = [self._write(folder, crop) for crop in crops]
            told = {"right": right, "told_at": time.time(), "version": version, "crops": rows}
            _replace(self._report(job_id), json.dumps({**told, "result": verdict}))
            self._list()
        return told

    def told(self, job_id: str) -> Right | None:
        """What was told to be right of a job."""
        report = _read(self._report(job_id))
        right: Right | None = report.get("right") if report else None
        return right

    def forget(self, job_id: str) -> bool:
        """Delete what was told of a job; False if nothing was."""
        with self._lock:
            found = self._forget(job_id)
            if found:
                self._list()
        return found

    def _write(self, folder: Path, crop: Crop) -> dict[str, Any]:
        (folder / crop.name).write_bytes(crop.jpeg)
        file = (folder / crop.name).relative_to(self._root).as_posix()
        return {"file": file, "face": crop.face, "time_s": crop.time_s}

    def _forget(self, job_id: str) -> bool:
        found = self._report(job_id).exists()
        for label in LABELS:
            shutil.rmtree(self._root / label / job_id, ignore_errors=True)
        self._report(job_id).unlink(missing_ok=True)
        return found

    def _list(self) -> None:
        """Write the table anew, from the reports that are there."""
        text = io.StringIO()
        rows = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        rows.writeheader()
        rows.writerows(self._rows())
        _replace(self._root / "manifest.csv", text.getvalue())

    def _rows(self) -> Iterator[dict[str, Any]]:
        for path in sorted((self._root / "reports").glob("*.json")):
            for crop in (_read(path) or {}).get("crops", []):
                label = crop["file"].partition("/")[0]
                if label != UNSURE:
                    person = f"{path.stem}-{crop['face']}"
                    about = {"file": crop["file"], "time_s": crop["time_s"]}
                    method = "told" if label == "fake" else label
                    yield about | {"identity": person, "source": person, "method": method}

    def _report(self, job_id: str) -> Path:
        return self._root / "reports" / f"{job_id}.json"


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):  # there is none, or a person changed it
        return None
    return found
