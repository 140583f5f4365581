"""HTML for people to read: templates with their style inside, and a policy for the rest."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from flask import Response, render_template, request
from markupsafe import Markup

from server.words import DEFAULT, LANGUAGES, LOCALES, Words, words

TEMPLATES = Path(__file__).parents[1] / "web" / "templates"
COLOURS = LOCALES.parent / "verdict" / "colours.css"  # of the extension, which the page shares
STYLE = COLOURS.read_text() + (TEMPLATES / "pages.css").read_text()
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# Also inside of the page, so that it holds where a saved one is opened from the disk.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
HTML = {"text/html": {"schema": {"type": "string"}}}


def spoken(asked: str | None = None) -> Words:
    """The words of the language that was asked for, if there is one, else of the browser's."""
    if asked in LANGUAGES:
        return words(asked)
    return words(request.accept_languages.best_match(LANGUAGES, DEFAULT))


def page(template: str, language: str = DEFAULT, **values: Any) -> str:
    """The template in one of LANGUAGES; whatever `values` hold is text in it, never markup."""
    # The style is a file of ours, in which nothing may be escaped.
    return render_template(
        template,
        words=words(language),
        page_style=Markup(STYLE),  # noqa: S704
        page_policy=POLICY,
        **values,
    )


def protected(response: Response) -> Response:
    """`response`, a page(), with its policy."""
    response.headers["Content-Security-Policy"] = f"{POLICY}; frame-ancestors 'none'"
    return response
