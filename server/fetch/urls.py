"""What a person may paste: an http(s) address in one unambiguous form."""

from __future__ import annotations

import contextlib
import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, urlsplit

import idna

from server.errors import BadUrl

MAX_LENGTH = 4096
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\<>\"^`{|}\ud800-\udfff]")
# Signs that nobody sees and no address needs: byte order marks, zero-width spaces, soft hyphens,
# marks of direction. Joiners, which some scripts and emoji need, go at the ends only.
_UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb]"
)
_UNSEEN_ENDS = re.compile("^[\\s\u200c\u200d\ufe0e\ufe0f]+|[\\s\u200c\u200d\ufe0e\ufe0f]+$")
# What stands around an address in prose, lists and mail (RFC 3986, appendix C).
_AROUND = frozenset(
    ('""', "''", "``", "<>", "()", "[]", "{}", "“”", "„“", "\u2018\u2019", "«»", "\u2039\u203a")
)
# What sites hang on their addresses to know who passed them on; no video is chosen by these.
_TRACKING = re.compile(
    r"(utm_[a-z_]+|mtm_[a-z_]+|fbclid|gclid|dclid|msclkid|yclid|twclid|ttclid|gclsrc|gbraid"
    r"|wbraid|igshid|igsh|mc_[ce]id|_hs(enc|mi)|vero_id|srsltid)",
    re.IGNORECASE,
)
# Elsewhere these may mean anything.
_TRACKING_OF_HOSTS = {
    ("youtube.com", "youtu.be", "youtube-nocookie.com"): frozenset({"si", "pp", "feature"}),
    ("x.com", "twitter.com"): frozenset({"s", "ref_src", "ref_url"}),
    ("tiktok.com",): frozenset({"_r", "_t", "sender_device", "is_from_webapp"}),
}
_SIGNATURE = re.compile(r"(x-[a-z]+-|)(sig|signature|hmac|policy|token)", re.IGNORECASE)
_SMUGGLE = "__youtubedl_smuggle"  # yt-dlp's own channel for passing options inside an address


def checked_url(text: str) -> str:
    """The address in ASCII, its host in lower case, without user name and password, and without
    parameters that only track people.

    What stands before the @ is never kept, sent or believed: the host is what follows the last one.
    Raises BadUrl with what to change. Where the host leads is not judged here but by the guard,
    which sees what it resolves to.
    """
    if len(text) > MAX_LENGTH:
        raise BadUrl(f"The address is longer than {MAX_LENGTH} characters.")
    url = _bare(text)
    if not url:
        raise BadUrl("The address is empty. Paste the address of the page that shows the video.")
    if _FORBIDDEN.search(url):
        raise BadUrl("The address holds a space or a sign that no address has. Copy it once more.")
    if _SMUGGLE in url.lower():
        raise BadUrl(f"The address holds {_SMUGGLE}. Remove what follows the # sign.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrl("The address has no readable host and port.") from error
    if parts.scheme not in ("http", "https"):
        raise BadUrl("Only addresses that begin with http:// or https:// can be checked.")
    host = _ascii_host(parts.hostname or "")
    if port == 0 or (port is None and parts.netloc.endswith(":")):
        raise BadUrl("The address has no valid port.")
    return _joined(parts, host, port)


def host_and_port(url: str) -> tuple[str, int]:
    """Where an address that `checked_url` returned leads; an IPv6 host without brackets."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _bare(text: str) -> str:
    """What a person pasted, without what stands around it."""
    bare = _UNSEEN_ENDS.sub("", _UNSEEN.sub("", text))
    while bare[:1] + bare[-1:] in _AROUND:
        bare = _UNSEEN_ENDS.sub("", bare[1:-1].removeprefix("URL:"))
    return bare


def _ascii_host(host: str) -> str:
    if not host:
        raise BadUrl("The address names no host. It should look like https://site.example/video.")
    try:
        name = host if host.isascii() else idna.encode(host[:254], uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise BadUrl("The host's name is not a valid internet name.") from error
    if ":" in name:
        with contextlib.suppress(ValueError):
            return f"[{IPv6Address(name if '%' not in name else '')}]"
    if not re.fullmatch(r"[a-z0-9._-]{1,253}", name) or ".." in name or name.startswith("."):
        raise BadUrl("The host's name is not a valid internet name.")
    return name


def _joined(parts: SplitResult, host: str, port: int | None) -> str:
    netloc = host if port is None else f"{host}:{port}"
    path, query, fragment = (
        quote(part, "/:@!$&'()*+,;=~%-._?[]") for part in (parts.path, parts.query, parts.fragment)
    )
    query = _without_tracking(query, host)
    return SplitResult(parts.scheme, netloc, path, query, fragment).geturl()


def _without_tracking(query: str, host: str) -> str:
    """A query as it is, but for tracking; a signed one stays whole, as it would not hold else."""
    names = [part.partition("=")[0] for part in query.split("&")]
    if any(_SIGNATURE.fullmatch(name) for name in names):
        return query
    own = {
        name
        for hosts, tracked in _TRACKING_OF_HOSTS.items()
        for name in tracked
        if any(host == known or host.endswith(f".{known}") for known in hosts)
    }
    kept = [
        part
        for part, name in zip(query.split("&"), names, strict=True)
        if name not in own and not _TRACKING.fullmatch(name)
    ]
    return "&".join(kept)
