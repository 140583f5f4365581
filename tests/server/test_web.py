"""The page's source keeps its promises: no markup from strings, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from models import registry
from server.api import samples
from server.app import create_app
from server.config import Settings
from server.web import ELSEWHERE
from server.words import LANGUAGES, words
from tests.conftest import ROOT

STATIC = ROOT / "server" / "web" / "static"
INDEX = ROOT / "server" / "web" / "templates" / "index.html"
SCRIPTS = sorted(path for path in STATIC.iterdir() if path.suffix in {".js", ".css"})
FILES = [*SCRIPTS, INDEX]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_of_the_page(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"(?:src|href|url|from|import)\W{1,3}https?:", text), "no other site"
    if path.suffix == ".html":
        assert not re.search(r"<script(?! type=\"module\" src=)|\son\w+=|\sstyle=", text)
    if path.suffix == ".js":
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
        assert not re.search(forbidden, text), "text only arrives as textContent"
        assert not re.search(r"^(let|var) ", text, re.M), "no mutable state in a module"
        assert len(text.splitlines()) < 250


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return create_app(Settings(data_dir=tmp_path_factory.mktemp("web"))).test_client()


@pytest.mark.parametrize(
    ("asked", "language"),
    [("de-AT,de;q=0.9", "de"), ("ar", "ar"), ("fi, fr;q=0.5", "fr"), ("fi", "en"), ("", "en")],
)
def test_the_start_page_speaks_the_browsers_language(
    client: FlaskClient, asked: str, language: str
) -> None:
    answer = client.get("/", headers={"Accept-Language": asked})
    say = words(language).say
    assert f'<html lang="{language}" dir="{words(language).direction}">' in answer.text
    assert str(escape(say("page_title"))) in answer.text
    assert "Accept-Language" in answer.vary
    assert client.get("/?language=es", headers={"Accept-Language": asked}).text.count('lang="es"')


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_gets_the_words_of_its_language(client: FlaskClient, language: str) -> None:
    answer = client.get(f"/static/words/{language}.json")
    known = words(language).messages
    assert answer.json == {key: known[key] for key in known if not key.startswith(ELSEWHERE)}
    again = client.get(answer.request.path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_no_script_of_the_page_names_words_that_it_does_not_get() -> None:
    shared = (ROOT / "extension" / "src").glob("v*/*.js")  # view and verdict
    scripts = "".join(path.read_text() for path in [*STATIC.glob("*.js"), *shared])
    named = set(re.findall(r"""["'`]([a-z]+_[a-z_]*)""", scripts))
    assert "not_checked" in named
    assert not [key for key in named if key.startswith(ELSEWHERE)]


def test_words_of_no_language(client: FlaskClient) -> None:
    answer = client.get("/static/words/xx.json")
    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_what_it_can_and_cannot_do_stands_on_the_first_page(client: FlaskClient) -> None:
    text, english = client.get("/").text, words("en")
    model = registry.spec(Settings().model)
    rates, scope = model.rates, model.likelihood
    assert rates is not None
    assert scope is not None
    shares = english.percent(rates.flags_fake), english.percent(rates.flags_real)
    for sentence in (
        english.say("scope_does", english.kinds(scope.covers)),
        english.say("blind_to", english.kinds(scope.blind_to)),
        english.say("scope_not"),
        english.say("scope_measured", english.part(rates.part), *shares),
        english.say("page_privacy"),
    ):
        assert str(escape(sentence)) in text


def test_the_samples_are_there_and_small(client: FlaskClient) -> None:
    text = INDEX.read_text()
    for name in samples.NAMES:
        assert f'data-sample="{name}"' in text
        with client.get(f"/static/{name}") as answer:
            assert answer.mimetype == "video/mp4"
            assert len(answer.data) < 400_000


def test_a_sample_is_checked_by_its_address(client: FlaskClient) -> None:
    """The service fetches nothing from itself, but it has the file."""
    url = f"http://localhost/static/{samples.NAMES[0]}"
    answer = client.post("/check-url", json={"url": url, "wait": 0})
    job = answer.get_json()
    assert (answer.status_code, job["kind"], job["title"]) == (202, "file", samples.NAMES[0])
    for other in ("http://localhost/static/main.js", f"http://a.test/static/{samples.NAMES[0]}"):
        job = client.post("/check-url", json={"url": other, "wait": 0}).get_json()
        assert job.get("kind") != "file"


def test_what_the_page_shares_with_the_extension_is_served(client: FlaskClient) -> None:
    texts = "\n".join(path.read_text() for path in FILES)
    shared = set(re.findall(r"[\"/](extension/[\w/.]+\.(?:js|css|json))\"", texts))
    assert len(shared) > 5
    for name in shared:
        with client.get(f"/static/{name}") as answer:
            assert answer.data == (ROOT / name.replace("extension/", "extension/src/")).read_bytes()
    assert client.get("/static/extension/../package.json").status_code == 404
    assert client.get("/static/extension/%2e%2e/package.json").status_code == 404
