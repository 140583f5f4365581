"""HTML for people to read: templates with their style inside, and a policy for the rest."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from flask import Response, render_template
from markupsafe import Markup

TEMPLATES = Path(__file__).parents[1] / "web" / "templates"
STYLE = (TEMPLATES / "pages.css").read_text()
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# Also inside of the page, so that it holds where a saved one is opened from the disk.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
HTML = {"text/html": {"schema": {"type": "string"}}}


def page(template: str, **values: Any) -> str:
    """The template as HTML; whatever `values` hold is text in it, never markup."""
    # The style is a file of ours, in which nothing may be escaped.
    return render_template(template, page_style=Markup(STYLE), page_policy=POLICY, **values)  # noqa: S704


def protected(response: Response) -> Response:
    """`response`, a page(), with its policy."""
    response.headers["Content-Security-Policy"] = f"{POLICY}; frame-ancestors 'none'"
    return response
