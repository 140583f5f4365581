"""Which clips lie where, in each layout that the field uses, and who and what each one shows."""

from __future__ import annotations

import csv
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")


@dataclass(frozen=True, slots=True)
class Clip:
    """One video or picture. `span`: where it lies in the tar `path`, whose pictures are face crops.

    `name` is its own, without a suffix; `source` is the recording that it is or was made from;
    `people`: everyone whose face is in it, the one who is seen first. `split` is "" where the data
    leaves the choice to us.
    """

    path: Path
    name: str
    fake: bool
    method: str
    source: str
    people: tuple[str, ...]
    compression: str = ""
    split: str = ""
    span: tuple[int, int] | None = None  # of bytes

    @property
    def label(self) -> str:
        return "fake" if self.fake else "real"


def find(root: Path) -> list[Clip]:
    """The clips of a tar, a FaceForensics++ tree, DFDC folders, or a tree with real/ and fake/.

    Sorted by name. Raises FileNotFoundError, or ValueError if it is none of these.
    """
    if not root.exists():
        raise FileNotFoundError(f"{root} is not there; set MESOSCOPE_DATA to the data folder")
    if root.is_file():
        clips = list(_tar(root))
    elif (root / "original_sequences").is_dir() or (root / "manipulated_sequences").is_dir():
        clips = list(_faceforensics(root))
    elif tables := sorted(root.rglob("metadata.json")):
        clips = [clip for table in tables for clip in _dfdc(table)]
    else:
        clips = list(_tree(root))
    if not clips:
        raise ValueError(
            f"{root} is no tar, no FaceForensics++ tree, has no metadata.json and no real/ or fake/"
        )
    return sorted(clips, key=lambda clip: clip.name)


def _faceforensics(root: Path) -> Iterator[Clip]:
    """{original,manipulated}_sequences/METHOD/cNN/videos/NAME.mp4, as the official script writes.

    A fake is called TARGET_SOURCE: the head of the one with the face of the other.
    """
    for path in sorted(root.glob("*_sequences/*/*/videos/*")):
        if path.suffix.lower() not in VIDEOS:
            continue
        kind, method, compression = path.relative_to(root).parts[:3]
        scene = path.stem.split("__")
        actors = method in ("actors", "DeepFakeDetection")
        people = tuple(f"ff-{'actor' * actors}{number}" for number in scene[0].split("_"))
        # An actor's recording is a scene of one actor; a fake of it names both, and the scene.
        source = f"{people[0]}-{scene[1]}" if actors and len(scene) > 1 else people[0]
        name = f"ff-{method}-{compression}-{path.stem}"
        fake = kind == "manipulated_sequences"
        yield Clip(path, name, fake, method, source, people, compression)


def _dfdc(table: Path) -> Iterator[Clip]:
    """A folder of videos with their metadata.json. DFDC names nobody: a recording is a person."""
    for file, facts in sorted(json.loads(table.read_text()).items()):
        path = table.parent / file
        if path.is_file():
            source = Path(facts.get("original") or file).stem
            fake = facts["label"] == "FAKE"
            method = "dfdc" if fake else "real"
            yield Clip(path, f"dfdc-{path.stem}", fake, method, source, (source,))


def _tree(root: Path) -> Iterator[Clip]:
    """real/ and fake/, to any depth; fake/METHOD/... names a method. Same name: same source."""
    known = manifest(root / "manifest.csv", root.parent / "manifest.csv")
    for path in sorted(root.rglob("*")):
        file = path.relative_to(root).as_posix()
        if file.startswith(("real/", "fake/")) and path.suffix.lower() in IMAGES + VIDEOS:
            yield _labelled(path, file, known.get(file, {}))


def _tar(path: Path) -> Iterator[Clip]:
    known = manifest(path.parent / "manifest.csv", path.parent / "fairface.csv")
    try:
        with tarfile.open(path, "r:") as tar:
            members = [member for member in tar if member.isfile()]
    except tarfile.TarError as error:
        raise ValueError(f"{path} is no uncompressed tar: {error}") from error
    for member in members:
        file = member.name
        if file.startswith(("real/", "fake/")) and file.lower().endswith(IMAGES):
            span = (member.offset_data, member.offset_data + member.size)
            yield _labelled(path, file, known.get(file, {}), span)


def _labelled(
    path: Path, file: str, row: dict[str, str], span: tuple[int, int] | None = None
) -> Clip:
    label, *between, last = Path(file).with_suffix("").parts
    source = row.get("group_original") or row.get("source") or "/".join([*between[1:], last])
    return Clip(
        path=path,
        name=re.sub(r"[^\w.-]", "-", str(Path(file).with_suffix(""))),
        fake=label == "fake",
        method=row.get("method") or (between[0] if between and label == "fake" else label),
        source=source,
        people=(row.get("identity") or source,),
        compression=row.get("compression", ""),
        split=row.get("split", ""),
        span=span,
    )


def manifest(*candidates: Path) -> dict[str, dict[str, str]]:
    """What is known of each file, by its name, from those of `candidates` that are tables of it."""
    known: dict[str, dict[str, str]] = {}
    for path in candidates:
        if path.is_file():
            with path.open(newline="") as lines:
                known |= {row["file"]: row for row in csv.DictReader(lines) if row.get("file")}
    return known
