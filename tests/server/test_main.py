"""python -m server, as a person starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.contract.test_verdict_contract import SCHEMA, Draft202012Validator
from tests.media import clip, picture
from tests.server.people import standing, two_people, walk

ROOT = Path(__file__).resolve().parents[2]


def environment(**settings: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MESOSCOPE_")}
    return {**clean, "PYTHONPATH": str(ROOT), **settings}


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def film(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = walk(two_people(astronaut), [standing(30, 170), standing(30, 470)])
    return clip(tmp_path_factory.mktemp("film") / "film.mp4", pictures, fps=10)


def test_json_alone_is_on_standard_output(film: Path) -> None:
    done = run("analyze", "--json", str(film))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    data = json.loads(done.stdout)
    Draft202012Validator(SCHEMA).validate(data)
    assert len(data["faces"]) == 2


def test_the_table_names_every_face(film: Path) -> None:
    done = run("analyze", str(film))
    assert done.returncode == 0, done.stderr
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    assert {"1", "2"} <= set(rows)
    assert "0:00.0 to 0:02." in done.stdout
    assert "judged by meso3" in done.stdout


def test_settings_reach_the_check(film: Path) -> None:
    done = run("analyze", "--json", str(film), MESOSCOPE_SAMPLES_PER_S="1")
    assert max(len(face["samples"]) for face in json.loads(done.stdout)["faces"]) <= 4
    done = run("analyze", "--json", str(film), MESOSCOPE_MIN_FACE_PX="300")
    assert json.loads(done.stdout)["label"] == "no-face"


def test_several_files_with_options(film: Path) -> None:
    line = ("analyze", "--json", "--samples-per-s", "1", "--end-s", "1", "--model", "meso3")
    done = run(*line, str(film), str(film.with_name("nowhere.mp4")), str(film))
    assert done.returncode == 1
    assert "not-found: " in done.stderr
    assert "nowhere.mp4" in done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["model"]["name"] == second["model"]["name"] == "meso3"
    assert first["options"]["samples_per_s"] == 1
    assert max(first["media"]["sampled_s"]) <= 1


def test_a_report_of_one_file_is_a_page_that_verify_takes(
    astronaut: np.ndarray, tmp_path: Path
) -> None:
    page, photo = tmp_path / "report.html", picture(tmp_path / "photo.png", astronaut)
    asked = ("--report", str(page), "--language", "de", "--json", "--model", "meso3")
    done = run("analyze", *asked, str(photo))
    assert done.returncode == 0, done.stderr
    text, verdict = page.read_text(), json.loads(done.stdout)
    assert '<html lang="de"' in text
    assert "photo.png" in text
    assert str(tmp_path) not in text
    assert verdict["media"]["sha256"] in text
    pictures = sum(len(face["moments"]) for face in verdict["faces"])
    assert text.count('src="data:image/jpeg;base64,') >= pictures > 0
    assert "one click below this check" not in text, "no service keeps this check"
    assert 'http-equiv="Content-Security-Policy"' in text
    assert run("verify", str(page), str(photo)).returncode == 0


def test_a_report_that_cannot_be_written_is_refused_before_the_check(
    film: Path, tmp_path: Path
) -> None:
    page, other = tmp_path / "report.html", tmp_path / "other.mp4"
    other.write_bytes(b"a film of somebody")
    for line, says in (
        (("--report", str(page), str(film), str(film)), "one file or address"),
        (("--report", str(other), str(film)), "does not end in .html"),
        (("--report", str(tmp_path / "nowhere" / "report.html"), str(film)), "no folder"),
        (("--report", str(page), "--language", "tlh", str(film)), "'ar'"),
    ):
        done = run("analyze", *line)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert says in done.stderr
    assert other.read_bytes() == b"a film of somebody"
    assert not page.exists()


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("--samples-per-s", "99", "at most 10"), ("--model", "nosuch", "meso3-full")],
)
def test_an_option_out_of_bounds(film: Path, option: str, value: str, says: str) -> None:
    done = run("analyze", option, value, str(film))
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "not-found"), (b"", "empty-file"), (b"text, no video", "not-media")],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, content: bytes | None, code: str) -> None:
    path = tmp_path / "file.mp4"
    if content is not None:
        path.write_bytes(content)
    done = run("analyze", str(path))
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith(code)]
    assert line.startswith(f"{code}: ")
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(film: Path) -> None:
    done = run("analyze", str(film), MESOSCOPE_SAMPLES_PER_S="often")
    assert done.returncode == 2
    assert "MESOSCOPE_SAMPLES_PER_S" in done.stderr
    assert "Traceback" not in done.stderr
    assert run("serve", MESOSCOPE_PORT="99999").returncode == 2


def test_wrong_usage_says_how() -> None:
    done = run("analyze")
    assert done.returncode == 2
    assert "FILE-OR-URL" in done.stderr
    assert "analyze" in run("--help").stdout


@pytest.fixture
def site(film: Path) -> Iterator[str]:
    """A local web server with the film, host:port."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=film.parent)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_an_address_is_fetched_where_that_is_allowed(site: str) -> None:
    done = run("analyze", "--json", f"http://{site}/film.mp4", MESOSCOPE_ALLOW_HOSTS=site)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["faces"]) == 2


def test_an_address_that_is_not_public_is_refused(site: str) -> None:
    done = run("analyze", f"http://{site}/film.mp4")
    assert done.returncode == 1
    assert "blocked-address: " in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_it_cleanly(astronaut: np.ndarray, tmp_path: Path) -> None:
    pictures = walk(two_people(astronaut), [standing(150, 170), standing(150, 470)])
    long = clip(tmp_path / "long.mp4", pictures, fps=3)
    child = subprocess.Popen(
        [sys.executable, "-m", "server", "analyze", str(long)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job is started with SIGINT ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    family = wait_until_read(psutil.Process(child.pid), long)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130, err
    assert out == ""
    assert "Interrupted" in err
    assert "Traceback" not in err
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


def wait_until_read(parent: psutil.Process, path: Path) -> list[psutil.Process]:
    """The process and its children, once one of them has `path` open."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        family = [parent, *parent.children(recursive=True)]
        for process in family:
            with suppress(psutil.Error):
                if str(path) in [file.path for file in process.open_files()]:
                    return family
        time.sleep(0.02)
    raise AssertionError("nothing was read in a minute")
