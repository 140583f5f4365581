"""Every failure a person can meet: a stable code, an HTTP status, a title and, per case, a cure.

This module is a leaf: every other package may import it, and it imports none of them.
"""

from __future__ import annotations

from typing import Any


class AppError(Exception):
    """A failure with a name. `detail` says what happened this time and what to do about it.

    Subclasses set `code` (stable, kebab-case, part of the API), `http_status` and `title`.
    `retryable` tells the job runner whether the same work can succeed on another attempt;
    `retry_after_s` tells the caller when to come back.
    """

    code = "internal"
    http_status = 500
    title = "Something went wrong on our side"
    retryable = False
    retry_after_s: int | None = None

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> AppError:
        """An error as a person is told it, from its stored form."""
        error = cls(stored["detail"])
        error.code, error.title, error.http_status = (
            stored[name] for name in ("code", "title", "status")
        )
        return error

    def to_json(self) -> dict[str, Any]:
        """The failure as it is stored and sent: code, title, detail, status."""
        return {
            "code": self.code,
            "title": self.title,
            "detail": self.detail,
            "status": self.http_status,
        }


# The request -----------------------------------------------------------------------------------


class BadRequest(AppError):
    code, http_status, title = "bad-request", 400, "The request could not be understood"


class NotFound(AppError):
    code, http_status, title = "not-found", 404, "There is nothing at this address"


class BadValue(AppError):
    code, http_status, title = "bad-value", 422, "A value in the request cannot be used"


class WrongMethod(AppError):
    code, http_status, title = "wrong-method", 405, "This address does not take that method"


class WrongType(AppError):
    code, http_status, title = "wrong-type", 415, "The request's content type is not understood"


class NeedsToken(AppError):
    code, http_status, title = "needs-token", 401, "This service asks for its token"


class ForeignOrigin(AppError):
    code, http_status, title = "foreign-origin", 403, "Another site may not use this service"


class UnknownHost(AppError):
    code, http_status, title = "unknown-host", 421, "The service is not known by this name"


class RequestTooLarge(AppError):
    code, http_status, title = "request-too-large", 413, "The request is too large"


# The media -------------------------------------------------------------------------------------


class Unreadable(AppError):
    code, http_status, title = "unreadable", 422, "The file cannot be opened"


class EmptyFile(AppError):
    code, http_status, title = "empty-file", 422, "The file is empty"


class NotMedia(AppError):
    code, http_status, title = "not-media", 422, "The file is neither a video nor an image"


class NoVideo(AppError):
    code, http_status, title = "no-video", 422, "There is no picture in this media"


class CorruptMedia(AppError):
    code, http_status, title = "corrupt-media", 422, "The media is damaged"


class TooLarge(AppError):
    code, http_status, title = "too-large", 413, "The media is too large"


class TooLong(AppError):
    code, http_status, title = "too-long", 422, "The media is too long"


# The download ----------------------------------------------------------------------------------


class BadUrl(AppError):
    code, http_status, title = "bad-url", 400, "This is not an address of a web page or video"


class BlockedAddress(AppError):
    code, http_status, title = "blocked-address", 403, "The address is not on the public internet"


class UnsupportedSite(AppError):
    code, http_status, title = "unsupported-site", 422, "No video was found at this address"


class NeedsLogin(AppError):
    code, http_status, title = "needs-login", 422, "The site asks for a login"


class BotCheck(AppError):
    code, http_status, title = "bot-check", 422, "The site asks to prove that a person is watching"


class LiveStream(AppError):
    code, http_status, title = "live-stream", 422, "This is a live stream"


class Gone(AppError):
    code, http_status, title = "gone", 422, "The video is no longer there"


class DownloadTimeout(AppError):
    code, http_status, title = "download-timeout", 504, "The download took too long"
    retryable = True


class DownloadFailed(AppError):
    code, http_status, title = "download-failed", 502, "The video could not be downloaded"
    retryable = True


# The work --------------------------------------------------------------------------------------


class TimeLimit(AppError):
    code, http_status, title = "time-limit", 504, "The check took too long"


class MemoryLimit(AppError):
    code, http_status, title = "memory-limit", 422, "The check needed too much memory"


class WorkerLost(AppError):
    code, http_status, title = "worker-lost", 500, "The check stopped unexpectedly"
    retryable = True


class QueueFull(AppError):
    code, http_status, title = "queue-full", 503, "Too many checks are waiting"
    retry_after_s = 15


class Cancelled(AppError):
    code, http_status, title = "cancelled", 409, "The check was cancelled"


class ModelError(AppError):
    code, http_status, title = "model-error", 500, "A model file is missing or not what it claims"
