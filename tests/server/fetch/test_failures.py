"""Every way to fail has its own error, each with its remedy."""

from __future__ import annotations

import re

import pytest

from server.errors import (
    AppError,
    BlockedAddress,
    BotCheck,
    CopyProtected,
    DownloadFailed,
    Gone,
    LiveStream,
    NeedsLogin,
    NoVideo,
    TooLarge,
    TooLong,
    UnsupportedSite,
)
from server.fetch.failures import Failure, Record, explain, timed_out
from server.processes.messages import Failed, Nonsense, understood

EXPECTED = frozenset({"DownloadError", "ExtractorError", "YoutubeDLError"})


def failure(
    message: str = "", status: int | None = None, *kinds: str, stopped: str = ""
) -> Failure:
    return Failure(EXPECTED | set(kinds), status, message, stopped)


CASES = [
    (failure("Sign in to confirm you're not a bot. Use --cookies"), BotCheck),
    (failure("Got HTTP Error 403 caused by Cloudflare anti-bot challenge", 403), BotCheck),
    (failure("Please solve the CAPTCHA"), BotCheck),
    (failure("This video is only available for registered users"), NeedsLogin),
    (failure("Private video. Sign in if you've been granted access"), NeedsLogin),
    (failure("Join this channel to get access to members-only content"), NeedsLogin),
    (failure("Sign in to confirm your age"), NeedsLogin),
    (failure("HTTP Error 401: Unauthorized", 401), NeedsLogin),
    (failure("HTTP Error 403: Forbidden", 403), NeedsLogin),
    (failure("Video unavailable. This video has been removed by the uploader"), Gone),
    (failure("This account has been terminated"), Gone),
    (failure("HTTP Error 404: Not Found", 404), Gone),
    (failure("HTTP Error 410: Gone", 410), Gone),
    (failure("The channel is not currently live", None, "UserNotLive"), LiveStream),
    (failure("Premieres in 3 hours"), LiveStream),
    (failure("This live event will begin in 5 hours"), LiveStream),
    (failure(stopped="live-stream"), LiveStream),
    (failure(stopped="too-long"), TooLong),
    (failure("This video is DRM protected"), CopyProtected),
    (failure("Unsupported URL: https://a.test", None, "UnsupportedError"), UnsupportedSite),
    (failure("Unable to extract title; please report this issue"), UnsupportedSite),
    (failure("No video formats found!"), NoVideo),
    (failure("Requested format is not available"), NoVideo),
    (failure("The uploader has not made this video available in your country"), DownloadFailed),
    (failure("HTTP Error 429: Too Many Requests", 429), DownloadFailed),
    (failure("HTTP Error 503: Service Unavailable", 503), DownloadFailed),
    (failure("HTTP Error 302: redirect loop detected", 302), DownloadFailed),
    (failure("EOF occurred", None, "SSLError", "TransportError"), DownloadFailed),
    (failure("2 bytes read, 5 more expected", None, "IncompleteRead"), DownloadFailed),
    (failure("timed out", None, "TransportError"), DownloadFailed),
    (failure("", None, "MemoryError"), TooLarge),
    (failure("", None, "Confined", "PermissionError"), BlockedAddress),
    (Failure(frozenset(), None, ""), DownloadFailed),
]


@pytest.mark.parametrize(("failed", "expected"), CASES)
def test_each_failure_has_its_error(failed: Failure, expected: type[AppError]) -> None:
    error = explain(failed, Record(), "site.test")
    assert type(error) is expected
    assert error.detail.endswith(".")
    assert not re.search(r"yt-dlp|--cookies|please report|ERROR", error.detail)


def test_what_the_guard_saw_outweighs_what_the_child_says() -> None:
    said = failure("HTTP Error 404: Not Found", 404)
    refused = Record(refused=["site.test is not on the public internet"])
    assert type(explain(said, refused, "site.test")) is BlockedAddress
    assert type(explain(said, Record(over_budget=True), "site.test")) is TooLarge
    unreachable = Record(unreachable=["the name site.test cannot be resolved"])
    error = explain(failure("502", 502), unreachable, "site.test")
    assert type(error) is DownloadFailed
    assert "cannot be resolved" in error.detail


def test_a_lying_child_cannot_break_it() -> None:
    for said in ({}, {"kinds": [None, {}], "status": "x"}, {"kinds": ["A"] * 10**5}):
        message = understood({"failed": said})
        assert isinstance(message, Failed)
        assert explain(message.failure, Record(), "a.test").detail
    for said in ({"kinds": 3}, {"message": None}, {"stopped": 5}):
        with pytest.raises(Nonsense):
            understood({"failed": said})


def test_a_timeout_says_how_long() -> None:
    assert "within 120 s" in timed_out("site.test", 120.0).detail
