"""A person starts the service and asks about a video: the answer, from every kind of address."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import requests

from tests import media
from tests.e2e.conftest import ROOT, Site, serving_python

PAGE = '<!doctype html><title>{name}</title><video src="{name}" controls></video>'

# People in each clip, counted by eye.
PEOPLE = {
    "fake/dfdc_abqwwspghj.mp4": 1,
    "fake/film_demo_fake.mp4": 1,
    "fake/ghost_mark.mp4": 1,
    "real/liveportrait_d18.mp4": 1,
    "real/liveportrait_s18.mp4": 1,
    "real/noface_big_buck_bunny.mp4": 0,
}


@pytest.fixture(scope="module")
def clip(site: Site, portrait: np.ndarray) -> str:
    """The name of a clip of three seconds on the site, with one face in it."""
    pictures = media.moving(portrait, count=45, size=(640, 480))
    return media.clip(site.folder / "astronaut.mp4", pictures, fps=15).name


def check(service: str, url: str) -> dict:
    """Ask as curl would, and follow the job until it ends."""
    answer = requests.post(f"{service}/check-url", data={"url": url, "wait": 55}, timeout=70)
    if answer.status_code == 202:
        pytest.fail(f"no verdict within 55 s: {answer.text}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_direct_address(service: str, site: Site, clip: str) -> None:
    verdict = check(service, f"{site.url}/{clip}")
    assert verdict["schema"] == 2
    assert verdict["label"] in {"fake", "real", "inconclusive"}
    assert len(verdict["faces"]) == 1
    assert verdict["media"]["width_px"] == 640
    assert verdict["media"]["duration_s"] == pytest.approx(3, abs=0.1)
    face = verdict["faces"][0]
    assert face["samples"][0]["t"] == pytest.approx(0, abs=0.01)
    assert 0 <= face["p_fake"] <= 1


def test_a_page_with_a_video(service: str, site: Site, clip: str) -> None:
    (site.folder / "page.html").write_text(PAGE.format(name=clip))
    assert len(check(service, f"{site.url}/page.html")["faces"]) == 1


def test_a_playlist(service: str, site: Site, portrait: np.ndarray) -> None:
    pictures = media.moving(portrait, count=45, size=(640, 480))
    options = {"hls_time": "1", "hls_list_size": "0", "hls_playlist_type": "vod"}
    media.clip(site.folder / "list.m3u8", pictures, fps=15, options={"g": "15"}, muxing=options)
    verdict = check(service, f"{site.url}/list.m3u8")
    assert len(verdict["faces"]) == 1
    assert verdict["media"]["duration_s"] == pytest.approx(3, abs=0.2)


def test_a_redirect(service: str, site: Site, clip: str) -> None:
    assert len(check(service, f"{site.url}/moved/{clip}")["faces"]) == 1


def test_an_upload(service: str, site: Site, clip: str) -> None:
    with (site.folder / clip).open("rb") as file:
        answer = requests.post(f"{service}/check-file?wait=55", files={"file": file}, timeout=70)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["faces"]) == 1


def test_a_picture(service: str, site: Site, astronaut: np.ndarray) -> None:
    media.picture(site.folder / "astronaut.jpg", astronaut)
    verdict = check(service, f"{site.url}/astronaut.jpg")
    assert verdict["media"]["kind"] == "image"
    assert len(verdict["faces"]) == 1


def test_what_is_not_public_is_refused(service: str) -> None:
    answer = requests.post(f"{service}/check-url", data={"url": "http://127.0.0.1:9/"}, timeout=70)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"].endswith("blocked-address")


def test_the_curl_line_of_the_readme(service: str, site: Site, clip: str, curl: str) -> None:
    line = [curl, "-s", "-d", f"url={site.url}/{clip}", f"{service}/check-url"]
    run = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert '"schema"' in run.stdout, run.stdout


def test_the_curl_line_that_is_printed(service: str, service_log: Path, curl: str) -> None:
    """As it stands, from the project's folder, it gives a verdict."""
    line = re.search(r"or try: (curl .*)", service_log.read_text())
    assert line is not None, service_log.read_text()
    words = [curl, "-s", *shlex.split(line[1])[1:]]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert len(json.loads(run.stdout)["faces"]) == 1, run.stdout


def test_the_command_line(site: Site, clip: str) -> None:
    line = [serving_python(), "-m", "server", "analyze", str(site.folder / clip)]
    table = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert table.returncode == 0, table.stderr
    assert "1" in table.stdout
    as_json = subprocess.run([*line, "--json"], cwd=ROOT, capture_output=True, timeout=60)
    answer = json.loads(as_json.stdout)
    assert len(answer["faces"]) == 1


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", PEOPLE)
def test_a_clip_of_each_kind(service: str, site: Site, shared_data: Path, name: str) -> None:
    target = site.folder / Path(name).name
    shutil.copy(shared_data / "clips" / name, target)
    verdict = check(service, f"{site.url}/{target.name}")
    judged = [face for face in verdict["faces"] if face["label"] != "inconclusive"]
    people = len(judged) or len(verdict["faces"])
    assert people == PEOPLE[name], [(f["label"], f["reasons"]) for f in verdict["faces"]]
    assert (verdict["label"] == "no-face") == (PEOPLE[name] == 0)
