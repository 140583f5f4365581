"""How many checks one client may start, and who a client is."""

from __future__ import annotations

import ipaddress
import math
import time
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from server.api.problems import respond
from server.config import Settings
from server.errors import TooManyRequests

if TYPE_CHECKING:
    from flask_limiter import RequestLimit

REDIS = ("redis://", "rediss://", "redis+socket://")
TIMEOUTS = ("socket_connect_timeout", "socket_timeout")
REDIS_S = 2  # longer silences count as none, and each process counts alone


def install(app: Flask, settings: Settings) -> None:
    """Count after the gate, so that what it refuses costs the client nothing."""
    if proxies := settings.trusted_proxies:
        trusting = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)
        app.wsgi_app = trusting  # type: ignore[method-assign]
    if not settings.rate_limit:
        return
    from flask_limiter import Limiter

    shared = settings.broker_url.startswith(REDIS)  # by all web processes; else each counts alone
    Limiter(
        client,
        app=app,
        application_limits=[settings.rate_limit],
        application_limits_exempt_when=lambda: request.method != "POST",  # every POST starts checks
        on_breach=refuse,
        strategy="moving-window",
        storage_uri=settings.broker_url if shared else "memory://",
        storage_options=dict.fromkeys(TIMEOUTS, REDIS_S) if shared else {},
        in_memory_fallback_enabled=shared,
        key_prefix="mesoscope",
    )


def client() -> str:
    """The client's IP address; of IPv6 its /64, since one client has a whole one."""
    address = request.remote_addr or ""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def charge(checks: int) -> None:
    """Charge a batch of N checks as N requests, at most as what the client has left."""
    for limiter in current_app.extensions.get("limiter", ()):
        if used := limiter.current_limit:  # where this request was counted as one
            more = min(checks - 1, used.remaining)
            if more > 0:
                limiter.limiter.hit(used.limit, *used.request_args, cost=more)


def refuse(limit: RequestLimit) -> Response:
    seconds = max(1, math.ceil(limit.window[0] - time.time()))
    error = TooManyRequests(
        f"One client may start {limit.limit.amount} checks in {limit.limit.get_expiry()} seconds. "
        f"Come back in {seconds} s."
    )
    error.retry_after_s = seconds
    return respond(error)
