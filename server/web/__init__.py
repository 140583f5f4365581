"""The page for people: files and one template, under a policy that lets nothing else in."""

from __future__ import annotations

import json
from pathlib import Path

from flask import Blueprint, Response, render_template, request, send_from_directory

from models import registry
from server import words as catalogues
from server.api.pages import spoken
from server.api.service import current
from server.errors import NotFound

EXTENSION = Path(__file__).parents[2] / "extension" / "src"
# Keys that begin so are of the extension alone, or of the template.
ELSEWHERE = ("app_", "auto_", "capture_", "command_", "cure_local_", "draw_", "drop_",
             "imported_", "local_", "menu_", "move_", "options_", "page_", "permit_",
             "problem_local_", "sample_", "server_", "stage_whole", "start_", "token_", "way_",
             "welcome_")  # fmt: skip
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
    model = registry.spec(current().settings.model)
    words = spoken(request.args.get("language"))
    page = render_template("index.html", words=words, rates=model.rates, scope=model.likelihood)
    response = Response(page)
    response.vary.add("Accept-Language")
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/static/words/<language>.json")
def catalogue(language: str) -> Response:
    """The page's words of one language by their keys: smaller than the file that browsers read."""
    if language not in catalogues.LANGUAGES:
        raise NotFound("There are no words in this language.")
    known = catalogues.words(language).messages
    messages = {key: text for key, text in known.items() if not key.startswith(ELSEWHERE)}
    text = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    response = Response(text, mimetype="application/json")
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/static/extension/<path:name>")
def shared(name: str) -> Response:
    """What the page has in common with the browser extension: modules and colours."""
    return send_from_directory(EXTENSION, name)


@blueprint.after_request
def protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-cache"
    return response
