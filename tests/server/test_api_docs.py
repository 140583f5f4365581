"""The pages that explain the API, and the list of models."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from models import registry
from server.api import schemas
from server.api.examples import answer, curl
from server.app import create_app
from server.config import Settings
from server.errors import AppError, kinds

TOKEN = "a-token-of-many-letters"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """With a token, which none of this needs."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("docs"), token=TOKEN)
    return create_app(settings).test_client()


def all_kinds(kind: type[AppError] = AppError) -> set[type[AppError]]:
    """Those of the service; the command line has one of its own."""
    found = {kind}.union(*map(all_kinds, kind.__subclasses__()))
    return {each for each in found if each.__module__ == AppError.__module__}


def test_every_error_has_a_page_with_its_cure(client: FlaskClient) -> None:
    listed = client.get("/problems").text
    assert set(kinds().values()) == all_kinds(), "one is not known to the API"
    for code, kind in kinds().items():
        assert len(vars(kind).get("cure", "")) > 20, f"{kind.__name__} names no cure of its own"
        path = f"/problems/{code}"
        assert f'href="{path}"' in listed
        page = client.get(path)
        assert (page.status_code, page.mimetype) == (200, "text/html")
        said = client.get(path, headers={"Accept": "application/json"}).get_json()
        assert said == {
            "type": path,
            "code": code,
            "title": kind.title,
            "status": kind.http_status,
            "cure": kind.cure,
            "retryable": kind.retryable,
        }


def test_every_code_that_the_sources_name_is_documented() -> None:
    server = Path(__file__).parents[2] / "server"
    named = {
        code
        for path in server.rglob("*.py")
        for code in re.findall(r'"code":\s*"([a-z-]+)"', path.read_text())
    }
    assert named <= set(kinds())


@pytest.mark.parametrize("status", [406, 411, 429, 431, 501])
def test_what_others_raise_has_a_documented_code_too(tmp_path: Path, status: int) -> None:
    from flask import abort

    app = create_app(Settings(data_dir=tmp_path))
    app.add_url_rule("/fail", view_func=lambda: abort(status))
    answer = app.test_client().get("/fail")
    assert answer.status_code == answer.get_json()["status"] == status
    assert answer.get_json()["code"] in kinds()


def test_problems_as_json_for_those_that_want_it(client: FlaskClient) -> None:
    answer = client.get("/problems", headers={"Accept": "application/json"})
    assert [problem["code"] for problem in answer.get_json()["problems"]] == sorted(kinds())
    assert answer.headers["Vary"] == "Accept"
    assert client.get("/problems/odd").status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/problems", "/problems/gone"])
def test_pages_need_nothing_from_elsewhere(client: FlaskClient, path: str) -> None:
    page = client.get(path)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.findall(r'(?:src|href)="(?!/|#)[^"]*"', page.text)
    assert "<script" not in page.text


def test_the_page_of_the_api_shows_every_operation_and_shape(client: FlaskClient) -> None:
    page, spec = client.get("/docs").text, client.get("/openapi.json").get_json()
    for path, methods in spec["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                assert f"<code>{parameter['name']}</code>" in page
    for name in spec["components"]["schemas"]:
        assert f'id="shape-{name}"' in page
    for reference in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{reference}"' in page, reference


def test_every_call_has_a_curl_line_and_an_answer(client: FlaskClient) -> None:
    page, spec = client.get("/docs").text, client.get("/openapi.json").get_json()
    schemas = spec["components"]["schemas"]
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            line = curl(method.upper(), path, "http://localhost")
            assert line.startswith("curl "), f"{method} {path} has none"
            assert str(escape(line)) in page
            kinds_of_answer = [
                kind
                for status, response in operation["responses"].items()
                for kind in response.get("content", {})
                if status.startswith("2")
            ]
            shown = answer(operation, schemas)
            assert bool(shown) == ("application/json" in kinds_of_answer), (method, path)
            assert "..." not in shown.replace('"..."', "", 1), shown
    assert page.index('id="shape-') > page.index("An answer")


def test_the_example_of_a_verdict_is_one(client: FlaskClient) -> None:
    spec = client.get("/openapi.json").get_json()
    shown = json.loads(answer(spec["paths"]["/check-url"]["post"], spec["components"]["schemas"]))
    assert list(shown)[:3] == ["id", "label", "links"]
    schemas.CheckAnswer.model_validate(shown)


def test_every_field_is_described(client: FlaskClient) -> None:
    spec = client.get("/openapi.json").get_json()
    bare = [
        f"{name}.{field}"
        for name, schema in spec["components"]["schemas"].items()
        for field, part in schema.get("properties", {}).items()
        if not part.get("description")
    ]
    assert bare == [], "add them to server/api/examples.py"


def test_models_say_what_they_are_worth(client: FlaskClient) -> None:
    found = client.get("/models").get_json()["models"]
    assert [model["name"] for model in found if model["default"]] == ["meso3-full"]
    assert "mtcnn" not in [model["name"] for model in found], "it judges nothing"
    for model in found:
        spec = registry.spec(model["name"])
        content = spec.file().read_bytes()
        assert model["sha256"] == hashlib.sha256(content).hexdigest()
        assert 0 <= model["calibration"]["real_at"] < model["calibration"]["fake_at"] <= 1
        card = client.get(model["card"])
        assert (card.status_code, card.mimetype) == (200, "text/markdown")
        assert card.text == spec.card.read_text()
    assert client.get("/models/odd/card").status_code == 404


def test_json_that_comes_as_a_form(client: FlaskClient) -> None:
    """curl -d sends it so: the header that is missing is named, and nothing else."""
    form = "application/x-www-form-urlencoded"
    answer = client.post(
        "/check-url", data='{"url": "https://a.test/b"}', content_type=form, headers=AUTHORIZED
    )
    assert answer.status_code == 422
    assert answer.get_json()["detail"].startswith("This looks like JSON: add -H")
    assert "errors" not in answer.get_json()
