"""The first-run page of an extension that holds its networks, in three languages."""

from __future__ import annotations

import pytest

from server.words import words
from tests.e2e.extension import Extension

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.screens import LOCALES, each_view  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize("language", LOCALES)
def test_the_first_run_page_without_a_service(shipped: Extension, language: str) -> None:
    """As it is after an installation: the first verdict comes from the browser itself."""
    shipped.set(language=language)
    page = shipped.context.new_page()
    page.goto(shipped.address("welcome/welcome.html"))
    page.wait_for_selector("#check-manipulated")
    assert words(language).say("made_face_swap") in page.inner_text("#looks-for")
    assert page.inner_text("#measured")
    each_view(page, f"welcome-local-{language}")
    page.close()
    shipped.set(language="auto")
