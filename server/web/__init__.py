"""The page for people: files and one template, under a policy that lets nothing else in."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, render_template, request, send_from_directory

from models import registry
from server.api.pages import spoken
from server.api.service import current

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
    """The start page, in the browser's language or that of `?language=`."""
    rates = registry.spec(current().settings.model).rates
    words = spoken(request.args.get("language"))
    response = Response(render_template("index.html", words=words, rates=rates))
    response.vary.add("Accept-Language")
    response.add_etag()
    return response.make_conditional(request)


@blueprint.get("/static/extension/<path:name>")
def shared(name: str) -> Response:
    """What the page has in common with the browser extension: modules, colours, words."""
    return send_from_directory(EXTENSION, name)


@blueprint.after_request
def protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-cache"
    return response
