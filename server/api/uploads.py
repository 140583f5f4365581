"""Files that are sent along: straight to the uploads folder, within bounds, gone if refused."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, cast

from flask import Request, request
from werkzeug import formparser
from werkzeug.datastructures import FileStorage, Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import MultipartDecoder

from server.api.service import current
from server.errors import BadRequest, BadValue, EmptyFile, RequestTooLarge, TooLarge
from server.jobs.uploads import COMING

ENVELOPE_BYTES = 64 * 1024  # what a multipart body may hold beside its file
MAX_FIELDS = 32  # of a form, beside its files
MAX_FIELD_BYTES = 256 * 1024  # the form's reader needs more than it reads at a time, 64 kB
MAX_TITLE = 200


class _AnyNames(MultipartDecoder):
    """Takes file names in any encoding: what is no UTF-8, as from old disks and archives, is shown
    by a sign that stands for the unreadable."""

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        return super()._parse_headers(data.decode(errors="replace").encode())


# Werkzeug, which else drops such a form without a word, has no other place to name a decoder.
formparser.MultipartDecoder = _AnyNames  # type: ignore[attr-defined]


class Part(io.RawIOBase):
    """One of the files of a form: the piece of the request's spool from where it began."""

    def __init__(self, spool: IO[bytes]) -> None:
        super().__init__()
        self.name = spool.name
        self._file = spool.fileno()
        self._start = os.fstat(self._file).st_size
        self._size = self._at = 0

    def readable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Add to its end, which is the spool's: parts come one after the other."""
        written = os.pwrite(self._file, data, self._start + self._size)
        self._size += written
        if written < len(data):
            return written + self.write(memoryview(data)[written:])
        return written

    def readinto(self, buffer: Any) -> int:
        space = memoryview(buffer).cast("B")[: max(0, self._size - self._at)]
        read = os.preadv(self._file, [space], self._start + self._at)
        self._at += read
        return read

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at


class UploadRequest(Request):
    """A request whose files go to one spool in the uploads folder, and vanish with the request."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.most_files = 0
        self._held = ExitStack()  # the spool, and its share of the space
        self._spool: IO[bytes] | None = None
        self._parts = 0

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        self._parts += 1
        if self._parts > self.most_files:
            raise BadValue(_how_many(self.most_files))
        if self._spool is None:
            self._spool = self._new_spool()
        return cast(IO[bytes], Part(self._spool))

    def _new_spool(self) -> IO[bytes]:
        uploads = current().folders.uploads
        return self._held.enter_context(tempfile.NamedTemporaryFile(dir=uploads, suffix=COMING))

    def reserve(self, size: int) -> None:
        """Take space for what is coming; raises QueueFull."""
        self._held.enter_context(current().space.reserved(size))

    def let_go(self) -> None:
        """What came is kept under another name, or not at all."""
        self._held.close()

    def make_form_data_parser(self) -> formparser.FormDataParser:
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser

    def _load_form_data(self) -> None:
        """Raises BadRequest for a form that is not well-formed."""
        try:
            super()._load_form_data()
        except ValueError as error:
            raise BadRequest(
                "The form ends early or is not well-formed. Send it again, for example by "
                "curl -F file=@clip.mp4"
            ) from error

    def close(self) -> None:
        """Let go also of a body that turned out to be bad half-way through."""
        super().close()
        self.let_go()


class Contents(Sequence[bytes]):
    """What is in files, each read when it is looked at."""

    def __init__(self, files: Sequence[FileStorage]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: Any) -> Any:
        file = self._files[index]
        file.stream.seek(0)
        return file.stream.read()


def incoming() -> UploadRequest:
    """The request that is being answered, as what it is in this app."""
    return cast(UploadRequest, request)


def receive(envelope_bytes: int, advice: str, most_files: int = 1) -> None:
    """Read the request's multipart body.

    Raises TooLarge, with `advice`, RequestTooLarge, BadValue or QueueFull.
    """
    limit = current().settings.max_upload_bytes
    asked = incoming()
    asked.max_content_length = limit + envelope_bytes
    asked.max_form_parts = most_files + MAX_FIELDS
    asked.most_files = most_files
    length = request.content_length
    if length is not None and length > asked.max_content_length:
        raise _too_large(limit, advice)
    asked.reserve(asked.max_content_length if length is None else length)
    try:
        request.files  # noqa: B018 - reads and parses the body
    except RequestEntityTooLarge as error:
        if length is None:
            raise _too_large(limit, advice) from error
        raise RequestTooLarge(
            f"A form holds at most {MAX_FIELDS} fields beside its files, each of at most "
            f"{MAX_FIELD_BYTES // 1024} kB."
        ) from error


def upload() -> FileStorage:
    """The request's file. Raises what is wrong with it."""
    advice = "Cut out the part in question."
    receive(ENVELOPE_BYTES, advice)
    file = request.files.get("file")
    if file is None:
        raise BadValue("Send the file as the form's part called file: curl -F file=@clip.mp4")
    size = file.stream.seek(0, os.SEEK_END)
    limit = current().settings.max_upload_bytes
    if size == 0:
        raise EmptyFile("The file holds nothing. Choose another one.")
    if size > limit:
        raise _too_large(limit, advice)
    return file


def keep(file: FileStorage) -> tuple[Path, str, str]:
    """Give the request's only file, which is on disk already, a name that outlives the request.

    Returns its path, SHA-256 and title.
    """
    sha256 = digest(file)
    path = new_path()
    os.link(cast(Part, file.stream).name, path)
    incoming().let_go()
    title = "".join(sign for sign in file.filename or "" if sign.isprintable())
    return path, sha256, title[:MAX_TITLE]


def digest(file: FileStorage) -> str:
    """The SHA-256 of what is in the file."""
    file.stream.seek(0)
    return hashlib.file_digest(file.stream, "sha256").hexdigest()  # type: ignore[arg-type]


def new_path() -> Path:
    """A name in the uploads folder that nobody has."""
    return current().folders.uploads / secrets.token_hex(16)


def _too_large(limit: int, advice: str) -> TooLarge:
    return TooLarge(f"At most {limit / 1e6:g} MB can be checked. {advice}")


def _how_many(most: int) -> str:
    if most == 0:
        return "Files are taken by /check-file and /check-frames alone."
    return "Send one file." if most == 1 else f"Send 1 to {most} files."
