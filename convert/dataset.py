"""The files of a data folder or archive, under the same names however they are packed."""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import os
import shutil
import tarfile
import tempfile
import unicodedata
import weakref
import zipfile
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

logger = logging.getLogger(__name__)

# What the service's own reader opens, by the endings that such files usually have.
PICTURES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic",
    ".heif", ".jxl", ".ppm", ".pgm", ".qoi",
)  # fmt: skip
VIDEOS = (
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".divx", ".mpg",
    ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".ts", ".m2ts", ".mts", ".wmv", ".asf", ".flv", ".f4v",
    ".ogv", ".ogg", ".gif", ".apng", ".mxf", ".dv", ".rm", ".rmvb", ".mjpeg", ".mjpg", ".wtv",
    ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".obu", ".nut", ".y4m",
)  # fmt: skip
LABELS = ("real", "fake")
# Left behind by systems: thumbnails, indices, bins. So is whatever begins with a dot, such as the
# ._NAME companions of macOS.
LITTER = frozenset(
    {"__macosx", "@eadir", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"}
    | {"system volume information", "lost+found"}
)
COMPRESSIONS: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
UNREADABLE = (
    OSError, EOFError, KeyError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError,
)  # fmt: skip
SHOWN = 5  # names in a message; the rest is counted


@dataclass(frozen=True, slots=True)
class File:
    """`name`: its path within the folder or archive, parted by "/", in Unicode's composed form.

    `content()` returns its bytes; it raises ValueError. `path`: the file on disk; of a member, the
    archive.
    """

    name: str
    content: Callable[[], bytes]
    path: Path

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix.lower()


def files(source: Path) -> list[File]:
    """All files of a folder or archive (.tar, .tar.gz, .tar.bz2, .tar.xz, .zip), sorted by name;
    not what systems leave behind in it.

    Links are followed; a folder that is reached in several ways counts once. Raises
    FileNotFoundError, or ValueError for a file that is no such archive.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source} is not there")
    if source.is_dir():
        return sorted(_folder(source), key=lambda file: file.name)
    try:
        if not source.is_file():
            raise OSError("it is no regular file")
        found = _zip(source) if _start(source).startswith(b"PK") else _tar(source)
    except UNREADABLE as error:
        raise ValueError(
            f"{source} is no folder, tar (.gz, .bz2, .xz or plain) or zip that can be read: {error}"
        ) from error
    return sorted(found, key=lambda file: file.name)


def labelled(found: Sequence[File], source: Path) -> tuple[list[File], list[File]]:
    """The files below real/ and fake/, under names that begin there, and the files beside the two.

    The two may lie in `source` itself, or in the only folder in it that has them. Raises ValueError
    where several have.
    """
    by_folder: dict[str, list[File]] = {}
    for file in found:
        folder, name = from_label(file.name)
        if name:
            by_folder.setdefault(folder, []).append(replace(file, name=name))
    media = [folder for folder, below in by_folder.items() if any(map(is_media, below))]
    if len(media) > 1 and "" not in media:
        raise ValueError(
            f"{source} has real/ or fake/ in several folders, {some(sorted(media))}; "
            "use one of them at a time"
        )
    folder = "" if "" in media else next(iter(media), "")
    below = by_folder.get(folder, [])
    twice = [name for name, count in Counter(file.name for file in below).items() if count > 1]
    if twice:
        raise ValueError(f"{source} has several files of one name but for capitals: {some(twice)}")
    return below, [file for file in found if file.name.rpartition("/")[0] in ("", folder)]


def is_media(file: File) -> bool:
    return file.suffix in PICTURES + VIDEOS


def from_label(name: str) -> tuple[str, str]:
    """What of a path comes before the first folder called real or fake, in capitals or not, and the
    path from there on; "" where there is no such folder."""
    parts = name.split("/")
    for at, part in enumerate(parts[:-1]):
        if part.lower() in LABELS:
            return "/".join(parts[:at]), "/".join([part.lower(), *parts[at + 1 :]])
    return "", ""


def tell_left_out(source: Path, left: Sequence[str], why: str) -> None:
    """Warn that the files called `left` are not used, if there are any."""
    if left:
        endings = Counter(PurePosixPath(name).suffix.lower() or "no ending" for name in left)
        kinds = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(SHOWN))
        logger.warning("%s: left out, as %s: %s (%s)", source, why, kinds, some(left))


def some(names: Sequence[str]) -> str:
    """The first few of `names`, for a message."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def clean(name: str) -> str:
    """A path as File.name has it: composed Unicode, without "./" and the like. Bytes that are no
    UTF-8 are written as \\xNN."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    return unicodedata.normalize("NFC", "/".join(parts))


def _is_litter(name: str) -> bool:
    return any(part.startswith(".") or part.casefold() in LITTER for part in name.split("/"))


def _folder(root: Path) -> Iterator[File]:
    """Linked folders last, so that what lies within `root` goes by its own name."""
    own, linked, seen = deque([root]), deque[Path](), set[str]()
    while own or linked:
        folder = (own or linked).popleft()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        for path in sorted(folder.iterdir()):
            if _is_litter(path.name):
                continue
            if path.is_dir():
                (linked if path.is_symlink() else own).append(path)
            else:
                name = clean(path.relative_to(root).as_posix())
                yield File(name, partial(_content, _bytes, path), path)


def _bytes(path: Path) -> bytes:
    if not path.is_file():  # a pipe would wait for a writer that never comes
        raise OSError("it is a broken link" if path.is_symlink() else "it is no regular file")
    return path.read_bytes()


def _zip(path: Path) -> list[File]:
    archive = zipfile.ZipFile(path)
    members = [member for member in archive.infolist() if not member.is_dir()]
    return _members(path, [(member.filename, member) for member in members], archive.read)


def _tar(path: Path) -> list[File]:
    file = _uncompressed(path)
    try:
        tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 - its members are read later
        weakref.finalize(tar, file.close)
        members = [(member.name, member) for member in tar if not member.isdir()]
    except tarfile.TarError:
        file.close()
        raise

    def read(member: tarfile.TarInfo) -> bytes:
        content = tar.extractfile(member)
        if content is None:
            raise OSError("it is no regular file")
        return content.read()

    return _members(path, members, read)


def _members(
    path: Path, members: Iterable[tuple[str, Any]], read: Callable[[Any], bytes]
) -> list[File]:
    """Of members with the same name the last one, as if the archive were unpacked. Those of
    Windows may be parted by backslashes."""
    by_name = {clean(name.replace("\\", "/")): member for name, member in members}
    return [
        File(name, partial(_content, read, member), path)
        for name, member in by_name.items()
        if not _is_litter(name)
    ]


def _content(read: Callable[[Any], bytes], what: Any) -> bytes:
    try:
        return read(what)
    except UNREADABLE as error:
        raise ValueError(f"it cannot be read: {error}") from error


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _uncompressed(path: Path) -> IO[bytes]:
    """The tar, unpacked into a nameless file where it is compressed: members are read in any
    order, and to go back in a compressed file is to start again."""
    start = _start(path)
    for magic, opened in COMPRESSIONS.items():
        if start.startswith(magic):
            unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the tar
            try:
                with opened(path) as packed:
                    shutil.copyfileobj(packed, unpacked)
            except UNREADABLE:
                unpacked.close()
                raise
            unpacked.seek(0)
            return unpacked
    return path.open("rb")
