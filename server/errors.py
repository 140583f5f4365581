"""Every failure a person can meet: a stable code, an HTTP status, a title and, per case, a cure.

This module is a leaf: every other package may import it, and it imports none of them.
"""

from __future__ import annotations

from typing import Any


class AppError(Exception):
    """A failure with a name. `detail` describes this case and its remedy.

    Subclasses set `code` (stable, kebab-case, part of the API), `http_status`, `title` and `cure`:
    what helps in general, for the page of this error.
    `retryable` tells the job runner whether the same work can succeed on another attempt;
    `retry_after_s` tells the caller when to come back.
    """

    code = "internal"
    http_status = 500
    title = "Something went wrong on our side"
    cure = (
        "Try again. If it stays, report it with the time at which it happened; the log of the "
        "service has more."
    )
    retryable = False
    retry_after_s: int | None = None

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail

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
    cure = "Send what /openapi.json describes: well-formed JSON, a form, or a multipart form."


class NotFound(AppError):
    code, http_status, title = "not-found", 404, "This was not found"
    cure = (
        "Check the address. A check's result is removed when you delete it, and some days "
        "after it ended (MESOSCOPE_KEEP_DAYS); start a new check then."
    )


class BadValue(AppError):
    code, http_status, title = "bad-value", 422, "A value in the request cannot be used"
    cure = "The member `errors`, or the detail, names the value and what it may be."


class IdempotencyConflict(AppError):
    code, http_status = "idempotency-conflict", 422
    title = "The idempotency key belongs to another request"
    cure = "Make a new key for each request; send the same key only with the very same request."


class WrongMethod(AppError):
    code, http_status, title = "wrong-method", 405, "This address does not take that method"
    cure = "The header Allow lists the methods that this address takes."


class WrongType(AppError):
    code, http_status, title = "wrong-type", 415, "The request's content type is not understood"
    cure = (
        "Set Content-Type to one of the types that the detail names; curl -d, -F and --json "
        "each set theirs."
    )


class NeedsToken(AppError):
    code, http_status, title = "needs-token", 401, "This service asks for its token"
    cure = (
        "Send the header Authorization: Bearer TOKEN, with the token that whoever runs the "
        "service has set."
    )


class ForeignOrigin(AppError):
    code, http_status, title = "foreign-origin", 403, "Another site may not use this service"
    cure = "Use the service's own page, the browser extension, or a program outside the browser."


class UnknownHost(AppError):
    code, http_status, title = "unknown-host", 421, "The service is not known by this name"
    cure = "Use the address that the detail names. To serve other names, set MESOSCOPE_TOKEN."


class RequestTooLarge(AppError):
    code, http_status, title = "request-too-large", 413, "The request is too large"
    cure = (
        "Send less at once: a file belongs to /check-file, and long lists of addresses into "
        "several batches."
    )


class TooManyRequests(AppError):
    code, http_status, title = "too-many-requests", 429, "You start checks faster than allowed"
    cure = (
        "Come back after the seconds that the header Retry-After names. Whoever runs the service "
        "sets MESOSCOPE_RATE_LIMIT."
    )


class TooManyStreams(AppError):
    code, http_status, title = "too-many-streams", 503, "Too many people follow their checks"
    cure = "Ask for the job itself every few seconds, or come back after Retry-After."
    retry_after_s = 5


class NotReady(AppError):
    code, http_status, title = "not-ready", 503, "The service cannot do checks now"
    cure = "Whoever runs the service mends the parts that the detail names."
    retry_after_s = 5


# The media -------------------------------------------------------------------------------------


class Unreadable(AppError):
    code, http_status, title = "unreadable", 422, "The file cannot be opened"
    cure = "Check that the file opens in a player; save or export it again, as MP4 for example."


class EmptyFile(AppError):
    code, http_status, title = "empty-file", 422, "The file is empty"
    cure = "Choose another file, or wait until yours is written completely."


class NotMedia(AppError):
    code, http_status, title = "not-media", 422, "The file is neither a video nor an image"
    cure = "Send a video or a picture: MP4, WebM, MOV, MKV, JPEG, PNG, WebP and their like."


class NoVideo(AppError):
    code, http_status, title = "no-video", 422, "There is no picture in this media"
    cure = "Choose media that shows something; sound alone cannot be checked."


class CorruptMedia(AppError):
    code, http_status, title = "corrupt-media", 422, "The media is damaged"
    cure = "Get the file again from where it came; a copy may have been cut short or damaged."


class CopyProtected(AppError):
    code, http_status, title = "copy-protected", 422, "The media is copy-protected"
    cure = "Check a copy without protection, or let the extension check what you see."


class TooLarge(AppError):
    code, http_status, title = "too-large", 413, "The media is too large"
    cure = (
        "Cut out the part in question, or scale the media down. Whoever runs the service sets "
        "MESOSCOPE_MAX_UPLOAD_BYTES and MESOSCOPE_MAX_DOWNLOAD_BYTES."
    )


class TooLong(AppError):
    code, http_status, title = "too-long", 422, "The media is too long"
    cure = "Cut out the part in question. Whoever runs the service sets MESOSCOPE_MAX_DURATION_S."


# The download ----------------------------------------------------------------------------------


class BadUrl(AppError):
    code, http_status, title = "bad-url", 400, "This is not an address of a web page or video"
    cure = "Copy the address from the browser's address bar: http:// or https://, and a host."


class BlockedAddress(AppError):
    code, http_status, title = "blocked-address", 403, "The address is not on the public internet"
    cure = (
        "Private addresses are refused on purpose. Whoever runs the service can let some be "
        "fetched with MESOSCOPE_ALLOW_HOSTS."
    )


class UnsupportedSite(AppError):
    code, http_status, title = "unsupported-site", 422, "No video was found at this address"
    cure = (
        "Give the address of the page that shows the video, or of the file itself; or save "
        "the video and send the file."
    )


class NeedsLogin(AppError):
    code, http_status, title = "needs-login", 422, "The site asks for a login"
    cure = (
        "Save the video where you are logged in and send the file, or let the extension check "
        "what you see."
    )


class BotCheck(AppError):
    code, http_status, title = "bot-check", 422, "The site asks to prove that a person is watching"
    cure = (
        "Open the page yourself and send the saved file, or let the extension check what you see."
    )


class LiveStream(AppError):
    code, http_status, title = "live-stream", 422, "This is a live stream"
    cure = (
        "Wait until the stream has ended, or let the extension check pictures of it while it plays."
    )


class Gone(AppError):
    code, http_status, title = "gone", 422, "The video is no longer there"
    cure = "Look for another copy of the video; this one was removed or is kept from this country."


class DownloadTimeout(AppError):
    code, http_status, title = "download-timeout", 504, "The download took too long"
    cure = (
        "Try again later, or save the video and send the file. Whoever runs the service sets "
        "MESOSCOPE_DOWNLOAD_TIMEOUT_S."
    )
    retryable = True


class DownloadFailed(AppError):
    code, http_status, title = "download-failed", 502, "The video could not be downloaded"
    cure = "Try again in a while; if it stays, save the video and send the file."
    retryable = True


# The work --------------------------------------------------------------------------------------


class TimeLimit(AppError):
    code, http_status, title = "time-limit", 504, "The check took too long"
    cure = (
        "Check a shorter span with start_s and end_s, or fewer pictures with samples_per_s. "
        "Whoever runs the service sets MESOSCOPE_JOB_TIMEOUT_S."
    )


class MemoryLimit(AppError):
    code, http_status, title = "memory-limit", 422, "The check needed too much memory"
    cure = "Scale the media down. Whoever runs the service sets MESOSCOPE_MAX_MEMORY_BYTES."


class WorkerLost(AppError):
    code, http_status, title = "worker-lost", 500, "The check stopped unexpectedly"
    cure = (
        "Try again. Media that is made to break what reads it ends so every time: do not trust it."
    )
    retryable = True


class QueueFull(AppError):
    code, http_status, title = "queue-full", 503, "Too many checks are waiting"
    cure = "Come back after the seconds that the header Retry-After names."
    retry_after_s = 15


class StoreAway(AppError):
    code, http_status, title = "store-away", 503, "The database does not answer"
    cure = "Come back after the seconds that the header Retry-After names: no check is lost."
    retry_after_s = 5


class Cancelled(AppError):
    code, http_status, title = "cancelled", 409, "The check was cancelled"
    cure = "Start the check again if it is still wanted."


class ModelError(AppError):
    code, http_status, title = "model-error", 500, "A model file is missing or not what it claims"
    cure = (
        "Whoever runs the service restores the files under models/weights: git checkout "
        "models/weights."
    )


def kinds() -> dict[str, type[AppError]]:
    """Every error that there is, by its code, sorted."""
    found: list[type[AppError]] = [AppError, *AppError.__subclasses__()]
    return {kind.code: kind for kind in sorted(found, key=lambda kind: kind.code)}
