"""Who may use the service, and the headers that keep browsers from lending it to others.

A service on loopback trusts every user of this machine, but every web page that a browser there
shows can send requests to it. So a foreign Origin may change nothing, and a Host that is not ours
(a name that was rebound to loopback) is not answered.
"""

from __future__ import annotations

import hmac

from flask import Flask, Response, request

from server.api.service import current
from server.errors import ForeignOrigin, NeedsToken, UnknownHost

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
# A page cannot claim these; an extension that may reach loopback does not need our leave.
EXTENSION_SCHEMES = frozenset({"chrome-extension", "moz-extension", "safari-web-extension"})
# For extensions that are named in the settings and lack the permission to reach us without.
SHARED_HEADERS = "Age, Content-Location, ETag, Location, Preference-Applied, Retry-After"
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, "
    "If-None-Match, Last-Event-ID, Prefer",
    "Access-Control-Max-Age": "600",
}
# What they say is no secret.
OPEN_BLUEPRINTS = frozenset({"web", "docs", "models", "ops", "openapi"})

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def install(app: Flask) -> None:
    app.before_request(check_host)
    app.before_request(check_origin)
    app.before_request(answer_preflight)
    app.before_request(check_token)
    app.after_request(add_headers)


def check_host() -> None:
    """Raise UnknownHost. With a token the name does not matter: a rebound page has no token."""
    settings = current().settings
    host = request.headers.get("Host", "").lower()
    name = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host
    name = name if name.startswith("[") else name.partition(":")[0]
    own = f"[{settings.host}]" if ":" in settings.host else settings.host.lower()
    if not settings.token and name not in LOOPBACK_NAMES | {own}:
        raise UnknownHost(f"Use http://{own}:{settings.port} instead.")


def check_origin() -> None:
    """Raise ForeignOrigin for what another site's page sends."""
    origin = request.headers.get("Origin")
    if origin is None or request.method in SAFE_METHODS:
        return
    scheme, _, netloc = origin.partition("://")
    if netloc and netloc.lower() == request.headers.get("Host", "").lower():
        return
    named = current().settings.extension_origins
    if origin in named if named else scheme in EXTENSION_SCHEMES:
        return
    raise ForeignOrigin("Open the service's own page, or use the browser extension.")


def answer_preflight() -> Response | None:
    """What a browser asks before it lets a named extension send; it sends no token with that."""
    if request.method != "OPTIONS" or not _named_extension():
        return None
    if "Access-Control-Request-Method" not in request.headers:
        return None
    response = Response(status=204, headers=PREFLIGHT)
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        response.headers["Access-Control-Allow-Private-Network"] = "true"
    return response


def _named_extension() -> str | None:
    """The Origin of this request, if the settings name it."""
    origin = request.headers.get("Origin")
    return origin if origin in current().settings.extension_origins else None


def check_token() -> None:
    """Raise NeedsToken where one is set and the request does not carry it."""
    token = current().settings.token
    if not token or request.blueprint in OPEN_BLUEPRINTS:
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # Compared as bytes in constant time; headers arrive as Latin-1.
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        given.strip().encode("latin-1", "replace"), token.encode()
    ):
        raise NeedsToken('Send it with the request: "Authorization: Bearer TOKEN".')


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current().settings.extension_origins:
        response.vary.add("Origin")
    if origin := _named_extension():
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = SHARED_HEADERS
    return response
