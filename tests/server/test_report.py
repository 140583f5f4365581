"""The report of a check: self-contained, in words, and proof against what strangers name files."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from markupsafe import escape

from server.api.report_view import FEW
from server.app import create_app
from server.config import Settings
from server.jobs.leases import Leases
from server.jobs.records import NewJob
from server.jobs.store import Store
from server.jobs.tables import database_url, open_engine
from server.processes.messages import Picture
from server.terms import SEARCHES
from server.web import EXTENSION
from server.words import words
from tests.server.verdicts import EXAMPLE

VERDICT = json.loads(EXAMPLE.read_text())
HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>=cmd|'/c calc'!A1"
JPEG = b"\xff\xd8 a face \xff\xd9"
EVIDENCE = b"\xff\xd8 an evidence map \xff\xd9"


class Checked:
    """A service in this process, with jobs that have ended."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data_dir=folder)
        self.client: FlaskClient = create_app(settings).test_client()
        self.engine = open_engine(database_url(settings))
        self.store, self._leases = Store(self.engine), Leases(self.engine)

    def done(self, result: dict[str, Any], title: str = "clip.mp4", kind: Any = "file") -> str:
        new = NewJob(kind, title, title, {"options": {}}, name=title)
        taken = self.store.submit(new, limit=100)
        assert taken.work_id
        assert self._leases.claim(taken.work_id, "me")
        pictures = [Picture(1, 0, "face", JPEG), Picture(1, 0, "evidence", EVIDENCE)]
        assert self._leases.finish(taken.work_id, "me", result, pictures)
        return f"/jobs/{taken.job_id}"


@pytest.fixture
def checked(tmp_path: Path) -> Iterator[Checked]:
    service = Checked(tmp_path)
    yield service
    service.engine.dispose()


def test_the_report_says_it_in_words_and_holds_everything(checked: Checked) -> None:
    path = checked.done(VERDICT)
    answer = checked.client.get(f"{path}/report")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    page = answer.text
    for sentence in (
        "Looks manipulated",
        "0:00.0 to 0:00.7 looks manipulated; the rest does not.",
        "The face is too small in the picture to be judged.",
        "Support for manipulation: moderate.",
        "Where fakes make up 1 in 100 such videos, they make up 12 in 100 of those with evidence",
        "Where fakes make up 50 in 100 such videos, they make up 93 in 100 of those with evidence",
        "Untrained people are right on 57 of 100 videos",
        "What to do next",
        "Look for the film that this scene was taken from",
        "Check the whole file, or its missing part.",
        "Not looked for: fully generated face.",
        "meso3: Score of the network: 80%",
        "Made with generative AI · Edited.",
        "Content Credentials signed under the name of A maker.",
        "Named tool: A generator.",
        "description (IPTC), without a signature: anybody can write or remove it.",
        "Invisible watermarks such as SynthID cannot be read here.",
        f"Judged by meso3, version {VERDICT['model']['sha256'][:12]}.",
        "clip.mp4",
        VERDICT["media"]["sha256"],
        VERDICT["model"]["sha256"],
        VERDICT["detector"]["sha256"],
        "python -m server verify",
    ):
        assert sentence in page, sentence
    assert page.index("Declared, not measured") < page.index("Verdict</h2>")
    for jpeg in (JPEG, EVIDENCE):
        assert f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" in page
    assert page.count("<svg") == 1, "one lane: the second person has no samples that were scored"
    # Nothing is fetched: whatever it points to is inside, but for searches that a click opens.
    links = set(re.findall(r'(?:src|href)="([^"]*)"', page))
    assert {link for link in links if not link.startswith("data:")} == set(SEARCHES.values())
    assert not re.search(r'src="https?:', page)


@pytest.mark.parametrize("language", ["de", "ar"])
def test_the_report_speaks_the_language_that_was_asked_for(checked: Checked, language: str) -> None:
    path, spoken = checked.done(VERDICT), words(language)
    asked = checked.client.get(f"{path}/report?language={language}").text
    accepted = checked.client.get(f"{path}/report", headers={"Accept-Language": language}).text
    assert asked == accepted
    assert f'lang="{language}" dir="{spoken.direction}"' in asked
    for key in ("report_title", "label_fake", "meaning_fake", "fact_sha256", "report_again"):
        assert str(escape(spoken.say(key))) in asked
    assert "Person" not in re.sub(r"<script.*?</script>", "", asked, flags=re.DOTALL) or (
        language == "de"
    )
    assert checked.client.get(f"{path}/report?language=xx").status_code == 422


def test_of_a_crowd_those_that_could_not_be_judged_are_folded(checked: Checked) -> None:
    small = {**VERDICT["faces"][1], "label": "inconclusive", "reasons": ["face-too-small"]}
    crowd = [VERDICT["faces"][0], *({**small, "id": number} for number in range(2, 9))]
    page = checked.client.get(f"{checked.done({**VERDICT, 'faces': crowd})}/report").text
    before, after = page.split("Faces that could not be judged: 7")
    assert ('id="face-1"' in before, 'id="face-2"' in before) == (True, False)
    assert 'id="face-8"' in after


def test_the_same_reasons_fold_a_face_on_the_page_and_in_the_report() -> None:
    text = (EXTENSION / "verdict" / "crowd.js").read_text()
    assert 'import { UNJUDGED } from "./labels.js"' in text  # made from server.terms
    assert f"FEW = {FEW};" in text


def test_no_sign_names_what_was_looked_for(checked: Checked) -> None:
    genuine = {"support": {"direction": "genuine", "strength": "weak"}, "lr": 0.25}
    page = checked.client.get(f"{checked.done(VERDICT | genuine | {'label': 'real'})}/report").text
    assert "No sign of: face swap" in page
    assert "Support for genuine: weak." in page
    seen = VERDICT["basis"] | {"covers": ["face swap", "composite"], "blind_to": []}
    found = VERDICT | genuine | {"label": "real", "basis": seen}
    page = checked.client.get(f"{checked.done(found)}/report").text
    assert "No sign of: face swap, hand-made composite" in page
    suspicious = {"label": "inconclusive", "level": "suspicious"}
    page = checked.client.get(f"{checked.done(VERDICT | suspicious)}/report").text
    assert "△</span> Suspicious" in page


def test_a_report_of_schema_1_has_its_words(checked: Checked) -> None:
    old = json.loads((EXAMPLE.parent / "verdict-1.json").read_text())
    page = checked.client.get(f"{checked.done(old)}/report").text
    for sentence in (
        "Probability of manipulation: 93% (95% interval 88% to 97%).",
        "If 1 in 100 such videos is fake, a flag like this is right in 16 of 100.",
        "DFDC test, single crops",
    ):
        assert sentence in page, sentence


@pytest.mark.parametrize(
    ("provenance", "sentence"),
    [
        ({"state": "read", "declarations": []}, "That means nothing: most files declare nothing"),
        ({"state": "unreadable", "declarations": []}, "could not be read"),
        (None, None),
    ],
)
def test_what_is_not_declared_means_nothing(
    checked: Checked, provenance: dict[str, Any] | None, sentence: str | None
) -> None:
    page = checked.client.get(f"{checked.done({**VERDICT, 'provenance': provenance})}/report").text
    assert ("Declared, not measured" in page) == (sentence is not None)
    assert sentence is None or sentence in page
    assert sentence is None or page.index("Verdict</h2>") < page.index("Declared, not measured")


def test_credentials_that_do_not_hold_claim_nothing(checked: Checked) -> None:
    said = {**VERDICT["provenance"]["declarations"][0], "claims": [], "by": None, "signer": None}
    provenance = {"state": "read", "declarations": [{**said, "seal": "changed"}]}
    page = checked.client.get(f"{checked.done({**VERDICT, 'provenance': provenance})}/report").text
    assert "Content Credentials that do not fit this content" in page
    assert "No statement about its origin" not in page


def test_the_report_can_be_read_back(checked: Checked) -> None:
    page = checked.client.get(f"{checked.done(VERDICT, title=HOSTILE)}/report").text
    pattern = r'<script type="application/json" id="verdict-json">(.*?)</script>'
    (block,) = re.findall(pattern, page, re.DOTALL)
    assert json.loads(block) == VERDICT
    (saved,) = re.findall(r'href="data:application/json;base64,([^"]+)"', page)
    assert json.loads(base64.b64decode(saved)) == VERDICT


def test_a_name_cannot_become_markup(checked: Checked) -> None:
    evil = {**VERDICT, "label": HOSTILE, "reasons": [HOSTILE], "versions": {HOSTILE: HOSTILE}}
    page = checked.client.get(f"{checked.done(evil, title=HOSTILE)}/report").text
    assert page.count("<script") == 1
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_the_policy_lets_in_its_own_style_and_nothing_else(checked: Checked) -> None:
    answer = checked.client.get(f"{checked.done(VERDICT)}/report")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert "img-src data:;" in policy
    (meta,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', answer.text)
    assert policy.startswith(meta.replace("&#39;", "'"))
    assert " style=" not in answer.text, "the policy would ignore it"


def test_the_samples_as_csv(checked: Checked) -> None:
    answer = checked.client.get(f"{checked.done(VERDICT, title=HOSTILE)}/report?format=csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    samples = [sample for face in VERDICT["faces"] for sample in face["samples"]]
    assert [float(row["t"]) for row in rows] == [sample["t"] for sample in samples]
    assert rows[0] == {
        "face": "1",
        "label": "fake",
        "t": "0.0",
        "p_fake": "0.91",
        "x": "0.31",
        "y": "0.12",
        "width": "0.2",
        "height": "0.36",
    }
    assert rows[1]["p_fake"] == ""
    for cell in (cell for row in rows for cell in row.values()):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


def test_the_report_as_json_and_to_save(checked: Checked) -> None:
    path = checked.done(VERDICT)
    assert checked.client.get(f"{path}/report?format=json").get_json() == VERDICT
    for kind in ("html", "json", "csv"):
        answer = checked.client.get(f"{path}/report?format={kind}&download=1")
        assert re.fullmatch(
            rf'attachment; filename="mesoscope-[0-9a-f]{{8}}\.{kind}"',
            answer.headers["Content-Disposition"],
        )


@pytest.mark.parametrize(
    "what",
    ["", "/report", "/report?format=json", "/report?format=csv", "/faces/1.jpg?kind=evidence"],
)
def test_what_the_caller_has_is_not_sent_again(checked: Checked, what: str) -> None:
    path = checked.done(VERDICT) + what
    tag = checked.client.get(path).headers["ETag"]
    again = checked.client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    other = checked.client.get(path, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_pictures_of_faces(checked: Checked) -> None:
    path = checked.done(VERDICT)
    face = checked.client.get(f"{path}/faces/1.jpg")
    assert (face.data, face.mimetype) == (JPEG, "image/jpeg")
    assert face.headers["X-Content-Type-Options"] == "nosniff"
    assert checked.client.get(f"{path}/faces/1.jpg?moment=0&kind=evidence").data == EVIDENCE
    for missing in ("faces/2.jpg", "faces/1.jpg?moment=1", "faces/99999999999999999999.jpg"):
        answer = checked.client.get(f"{path}/{missing}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not-found")
    assert checked.client.get(f"{path}/faces/1.jpg?kind=nude").status_code == 422
    checked.client.delete(path)
    assert checked.client.get(f"{path}/faces/1.jpg").status_code == 404


def test_before_a_check_is_done_there_is_no_report(checked: Checked) -> None:
    job = checked.client.post("/check-url?wait=0", json={"url": "http://a.test"}).get_json()
    answer = checked.client.get(job["links"]["report"])
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not-found")
    assert "done" in answer.get_json()["detail"]


def test_a_verdict_without_faces_or_rates(checked: Checked) -> None:
    model = {**VERDICT["model"], "rates": None}
    nothing = dict.fromkeys(("level", "support", "lr", "lr_interval", "stretch_s"))
    bare = {**VERDICT, **nothing, "label": "no-face", "p_fake": None, "reasons": [], "faces": [],
            "model": model, "media": {**VERDICT["media"], "duration_s": None}}  # fmt: skip
    answer = checked.client.get(f"{checked.done(bare)}/report")
    assert answer.status_code == 200
    assert "No face found" in answer.text
    assert "1 in 100" not in answer.text


def test_checks_are_listed_newest_first_page_by_page(checked: Checked) -> None:
    paths = [checked.done(VERDICT, title=f"{number}.mp4") for number in range(3)]
    waiting = checked.client.post("/check-url?wait=0", json={"url": "http://a.test"}).get_json()
    first = checked.client.get("/jobs?limit=2").get_json()
    assert [job["title"] for job in first["jobs"]] == [None, "2.mp4"]
    assert [job["source"] for job in first["jobs"]] == ["http://a.test", None]
    assert first["jobs"][1]["label"] == "fake"
    second = checked.client.get(first["next"]).get_json()
    assert [job["links"]["self"] for job in second["jobs"]] == [paths[1], paths[0]]
    assert second["next"] is None
    queued = checked.client.get("/jobs?state=queued").get_json()["jobs"]
    assert [job["id"] for job in queued] == [waiting["id"]]
    for wrong in ("limit=0", "limit=101", "state=odd", "before=soon"):
        assert checked.client.get(f"/jobs?{wrong}").status_code == 422, wrong
