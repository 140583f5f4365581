"""The page for people: static files, under a policy that lets nothing else in."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

EXTENSION = Path(__file__).parents[2] / "extension" / "src"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

blueprint = Blueprint(
    "web",
    __name__,
    static_folder="static",
    static_url_path="/static",
    template_folder="templates",
)


@blueprint.get("/")
def index() -> Response:
    return blueprint.send_static_file("index.html")


@blueprint.get("/static/extension/<path:name>")
def shared(name: str) -> Response:
    """What the page has in common with the browser extension: modules, colours, words."""
    return send_from_directory(EXTENSION, name)


@blueprint.after_request
def protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-cache"
    return response
