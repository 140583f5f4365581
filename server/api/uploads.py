"""Files that are sent along: straight to the uploads folder, within bounds, gone if refused."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from flask import Request, request
from werkzeug import formparser
from werkzeug.datastructures import FileStorage, Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import MultipartDecoder

from server.api.service import current
from server.errors import BadRequest, BadValue, EmptyFile, TooLarge

ENVELOPE_BYTES = 64 * 1024  # what a multipart body may hold beside its file
MAX_TITLE = 200


class _AnyNames(MultipartDecoder):
    """Takes file names in any encoding: what is no UTF-8, as from old disks and archives, is shown
    by a sign that stands for the unreadable."""

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        return super()._parse_headers(data.decode(errors="replace").encode())


# Werkzeug, which else drops such a form without a word, has no other place to name a decoder.
formparser.MultipartDecoder = _AnyNames  # type: ignore[attr-defined]


class UploadRequest(Request):
    """A request whose files go straight to the uploads folder, and vanish with the request."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._streams = ExitStack()

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        uploads = current().folders.uploads
        return self._streams.enter_context(tempfile.NamedTemporaryFile(dir=uploads))

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
        """Close every file, also of a body that turned out to be bad half-way through."""
        super().close()
        self._streams.close()


def receive(envelope_bytes: int, advice: str) -> None:
    """Read the request's multipart body. Raises TooLarge, with `advice`, if it is too large."""
    limit = current().settings.max_upload_bytes
    request.max_content_length = limit + envelope_bytes
    try:
        request.files  # noqa: B018 - reads and parses the body
    except RequestEntityTooLarge as error:
        raise _too_large(limit, advice) from error


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
    """Give the file, which is on disk already, a name that outlives the request.

    Returns its path, SHA-256 and title.
    """
    file.stream.flush()
    file.stream.seek(0)
    sha256 = hashlib.file_digest(file.stream, "sha256").hexdigest()  # type: ignore[arg-type]
    path = new_path()
    os.link(file.stream.name, path)
    title = "".join(sign for sign in file.filename or "" if sign.isprintable())
    return path, sha256, title[:MAX_TITLE]


def new_path() -> Path:
    """A name in the uploads folder that nobody has."""
    return current().folders.uploads / secrets.token_hex(16)


def _too_large(limit: int, advice: str) -> TooLarge:
    return TooLarge(f"At most {limit / 1e6:g} MB can be checked. {advice}")
