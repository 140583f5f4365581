"""From what went wrong in a download to the one error that a person should read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from server.errors import (
    AppError,
    BlockedAddress,
    BotCheck,
    CopyProtected,
    DownloadFailed,
    DownloadTimeout,
    Gone,
    LiveStream,
    NeedsLogin,
    NoVideo,
    TooLarge,
    TooLong,
    UnsupportedSite,
)

NOT_HTTP = "not an http address"  # what a site may name: file:, data:, ftp:, ...
NOTES = ("refused", "unreachable", "connected", "over_budget")
MAX_NOTES = 100  # of a kind; a site may make the child ask for thousands of refused addresses
LIVE = "This is a live stream, or one that has not begun. Check its recording when it is over."
SAVE_IT = "Save the video and check the file instead."


@dataclass(slots=True)
class Record:
    """What the guard did, to explain a failed download with; `connected` holds HOST PORT ADDRESS.

    `tell` is called with the kind, one of NOTES, and the text of each note.
    """

    refused: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)
    over_budget: bool = False
    received_bytes: int = 0
    tell: Callable[[str, str], None] = lambda _kind, _text: None

    def note(self, kind: str, text: str = "") -> None:
        if kind == "over_budget":
            self.over_budget = True
        elif len(notes := getattr(self, kind)) < MAX_NOTES:
            notes.append(text)
        else:
            return
        self.tell(kind, text)


@dataclass(frozen=True, slots=True)
class Failure:
    """The child's report: exception classes, HTTP status, words. None of it is for people.

    `stopped` names the rule by which the child itself stopped: live-stream, too-long, too-large.
    """

    kinds: frozenset[str] = frozenset()
    status: int | None = None
    message: str = ""
    stopped: str = ""


# Words that sites' pages and yt-dlp's extractors use, the most telling first.
_WORDS: tuple[tuple[str, type[AppError], str], ...] = (
    (
        r"not a bot|captcha|anti-bot|cloudflare|verify (that )?you are (a )?human|unusual traffic",
        BotCheck,
        "{host} asks to prove that a person is watching, which a server cannot. " + SAVE_IT,
    ),
    (
        r"not currently live|offline|premieres? in|will begin in|live event|livestream",
        LiveStream,
        LIVE,
    ),
    (
        r"drm",
        CopyProtected,
        "The video is copy-protected (DRM) and cannot be read. Check a screen recording instead.",
    ),
    (
        r"available (in|from|to) your (country|location|region)|geo.?restrict",
        DownloadFailed,
        "{host} does not show this video in the country of this server. " + SAVE_IT,
    ),
    (
        r"log ?in|sign ?in|logged.in|registered users|private video|is private|members?.only|"
        r"password|cookies|subscri(be|ption)|age.restricted|confirm your age|premium|purchase",
        NeedsLogin,
        "{host} shows this video only to people who are logged in. " + SAVE_IT,
    ),
    (
        r"removed|deleted|does not exist|no longer (available|exists)|video unavailable|not found|"
        r"(has been|account) (suspended|terminated|banned)|isn.t available",
        Gone,
        "{host} says that the video is not there (any more). Check the address.",
    ),
)


def explain(failure: Failure, record: Record, host: str) -> AppError:
    """The error for a download that failed; what the guard saw outweighs the child's account."""
    if record.refused:
        return refused(record)
    too_much = failure.stopped == "too-large" or failure.kinds & {"MemoryError", "RecursionError"}
    if record.over_budget or too_much:
        return too_large(host)
    if "Confined" in failure.kinds or NOT_HTTP in failure.message:
        return BlockedAddress(f"{host} led to something that is not a web address. {SAVE_IT}")
    if record.unreachable and not record.connected:
        return DownloadFailed(f"{_sentence(record.unreachable[0])} Check the address.")
    if failure.stopped == "live-stream":
        return LiveStream(LIVE)
    if failure.stopped == "too-long":
        return TooLong(
            "The video is longer than this server accepts. Cut out the part in question and "
            "check that."
        )
    return _by_status(failure, host) or _by_words(failure, host) or _by_kind(failure, record, host)


def refused(record: Record) -> BlockedAddress:
    return BlockedAddress(
        f"{_sentence(record.refused[0])} Only public web addresses are fetched; whoever runs this "
        "server can allow others with MESOSCOPE_ALLOW_HOSTS."
    )


def too_large(host: str) -> TooLarge:
    return TooLarge(
        f"{host} sent more than this server accepts for one check. Check a shorter or smaller "
        "version of the video."
    )


def timed_out(host: str, timeout_s: float) -> DownloadTimeout:
    return DownloadTimeout(
        f"The video did not arrive from {host} within {timeout_s:g} s. Try again later, or save "
        "the video and check the file."
    )


def _by_status(failure: Failure, host: str) -> AppError | None:
    if failure.status in (404, 410):
        return Gone(f"{host} says that there is nothing at this address. Check the address.")
    if failure.status == 401:
        return NeedsLogin(f"{host} shows this only to people who are logged in. {SAVE_IT}")
    if failure.status == 403 and not _by_words(failure, host):
        return NeedsLogin(f"{host} refuses to show this to a server (HTTP 403). {SAVE_IT}")
    if failure.status == 429:
        return DownloadFailed(f"{host} was asked too often (HTTP 429). Try again later.")
    if failure.status is not None and failure.status >= 500:
        return DownloadFailed(f"{host} has a fault (HTTP {failure.status}). Try again later.")
    return None


def _by_words(failure: Failure, host: str) -> AppError | None:
    for words, error, detail in _WORDS:
        if re.search(words, failure.message, re.IGNORECASE):
            return error(detail.format(host=host))
    return None


def _by_kind(failure: Failure, record: Record, host: str) -> AppError:
    kinds, words = failure.kinds, failure.message.lower()
    if "no video formats" in words or "requested format is not available" in words:
        return NoVideo(f"{host} offers no picture at this address, only sound or nothing.")
    if "redirect" in words:
        return DownloadFailed(f"{host} sends visitors round in a circle. Check the address.")
    if "CertificateVerifyError" in kinds or "SSLError" in kinds:
        return DownloadFailed(f"The secure connection to {host} failed. Check the address.")
    if record.unreachable:
        return DownloadFailed(f"{_sentence(record.unreachable[0])} Try again later.")
    if "IncompleteRead" in kinds or "ContentTooShortError" in kinds:
        return DownloadFailed(f"{host} broke off before the end. Try again later.")
    if "TransportError" in kinds or "TimeoutError" in kinds:
        return DownloadFailed(f"The connection to {host} broke. Try again later.")
    if "ExtractorError" in kinds:
        return UnsupportedSite(
            f"No video was found on this page of {host}. Open the page of the video itself, or "
            "save the video and check the file."
        )
    return DownloadFailed(f"The video could not be fetched from {host}. {SAVE_IT}")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
