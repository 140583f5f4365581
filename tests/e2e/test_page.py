"""The page in a real browser: what a person gives it, and what they get."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from tests import media
from tests.e2e.conftest import Site

playwright = pytest.importorskip("playwright.sync_api")
from tests.e2e.page import (  # noqa: E402
    LONG_MS,
    assert_accessible,
    check_address,
    launched,
    opened,
    report_of,
    shoot,
)

expect = playwright.expect
pytestmark = pytest.mark.browser

LABEL = re.compile(r"Looks manipulated|Suspicious|No sign of|Cannot be told")
MOST_BYTES = 150_000


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver, launched(driver, chromium) as browser:
        yield browser


@pytest.fixture
def page(browser: playwright.Browser, service: str) -> Iterator[playwright.Page]:
    with opened(browser, service) as page:
        yield page


@pytest.fixture(scope="module")
def clip(site: Site, portrait: np.ndarray) -> Path:
    pictures = media.moving(portrait, count=45, size=(640, 480))
    return media.clip(site.folder / "page-clip.mp4", pictures, fps=15)


@pytest.fixture(scope="module")
def still(site: Site, portrait: np.ndarray) -> Path:
    return media.picture(site.folder / "page-still.png", np.ascontiguousarray(portrait))


def id_of(page: playwright.Page) -> str:
    found = re.search(r"#/jobs/([0-9a-f]+)$", page.url)
    assert found, page.url
    return found[1]


def seen(page: playwright.Page, selector: str) -> int:
    """How many of these pictures the browser has shown."""
    return page.evaluate(
        """(selector) => [...document.querySelectorAll(selector)]
          .filter((image) => image.complete && image.naturalWidth > 0).length""",
        selector,
    )


def test_it_is_light_and_keeps_to_itself(page: playwright.Page, service: str) -> None:
    page.wait_for_load_state("networkidle", timeout=LONG_MS)
    sizes = page.evaluate(
        """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
          .map(({ name, decodedBodySize }) => [name, decodedBodySize])"""
    )
    assert len(sizes) > 10
    assert sum(size for _, size in sizes) < MOST_BYTES, sizes
    assert page.title()
    assert page.get_attribute("html", "lang") == "en"
    assert page.locator("meta[name=viewport]").count() == 1
    assert page.locator("meta[name=description]").count() == 1
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("h1:visible").count() == 1
    shoot(page, "start")
    page.click("summary")
    shoot(page, "options")
    assert_accessible(page)
    policy = requests.get(service, timeout=20).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_an_address_gets_its_report(page: playwright.Page, site: Site, clip: Path) -> None:
    check_address(page, f"{site.url}/{clip.name}")
    page.locator("#one .steps [aria-current]").wait_for()
    report = report_of(page)
    expect(report.locator(".headline")).to_have_text(LABEL)
    expect(report.locator(".moment img").first).to_be_visible()
    expect(report.locator("path.sample")).not_to_have_count(0)
    text = report.inner_text()
    assert "REAL" not in text
    assert "What this means" in text
    assert "Open the video from your disk" in text, "the page itself loads no foreign media"
    report.locator("summary", has_text="Moments as a table").click()
    assert report.locator("tbody tr").count() == report.locator("path.sample").count()
    report.locator("summary", has_text="What was looked at").click()
    expect(report).to_contain_text("SHA-256 of the media")
    assert seen(page, ".moment img") == report.locator(".moment img").count() > 0
    shoot(page, "address")
    assert_accessible(page)

    page.set_input_files("#own-file", str(clip))
    expect(report.locator(".player video")).to_be_visible()


def test_a_file_is_played_with_its_boxes(page: playwright.Page, clip: Path) -> None:
    page.set_input_files("#file", str(clip))
    report = report_of(page)
    box = report.locator(".box").first
    expect(box).to_be_visible()
    around, inside = report.locator(".player video").bounding_box(), box.bounding_box()
    assert around is not None
    assert inside is not None
    assert around["x"] <= inside["x"]
    assert inside["x"] + inside["width"] <= around["x"] + around["width"] + 8

    moment = report.locator("button.moment").nth(1)
    minutes, rest = moment.inner_text().split()[0].split(":")
    moment.click()
    time_s = "document.querySelector('video').currentTime"
    expect(report.locator("video")).to_have_js_property("seeking", False)
    assert page.evaluate(time_s) == pytest.approx(60 * int(minutes) + float(rest), abs=0.06)
    lane = report.locator("[role=slider]")
    lane.focus()
    lane.press("End")
    expect(report.locator("video")).to_have_js_property("seeking", False)
    assert page.evaluate(time_s) == pytest.approx(3, abs=0.2)
    shoot(page, "file")
    assert_accessible(page)


def test_a_picture_that_is_dropped(page: playwright.Page, still: Path) -> None:
    dropped = page.evaluate_handle(
        """(bytes) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], "dropped.png"));
          return transfer;
        }""",
        list(still.read_bytes()),
    )
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    report = report_of(page)
    expect(report.locator(".picture img")).to_be_visible()
    expect(report.locator(".box")).to_be_visible()
    assert report.locator("svg.chart").count() == 0
    expect(page.locator("h1:visible")).to_have_text("dropped.png")
    shoot(page, "picture")


def test_what_can_be_kept(
    browser: playwright.Browser, page: playwright.Page, clip: Path, tmp_path: Path
) -> None:
    page.set_input_files("#file", str(clip))
    report = report_of(page)
    kept: dict[str, Path] = {}
    for name in ("JSON", "CSV", "HTML"):
        with page.expect_download() as download:
            report.get_by_role("button", name=name).click()
        kept[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(kept[name])
    assert kept["HTML"].name == "mesoscope-page-clip.html"

    verdict = json.loads(kept["JSON"].read_text())
    rows = list(csv.DictReader(kept["CSV"].read_text().splitlines()))
    samples = [sample for face in verdict["faces"] for sample in face["samples"]]
    assert [float(row["t"]) for row in rows] == [sample["t"] for sample in samples]
    assert float(rows[0]["width"]) == samples[0]["box"][2]

    address = kept["HTML"].as_uri()
    with opened(browser, address, offline=True) as alone:  # asks for nothing but itself
        expect(alone.locator("body")).to_contain_text(LABEL)
        assert alone.locator("img").count() > 0
        assert seen(alone, "img") == alone.locator("img").count()
        shoot(alone, "report-from-disk")
        assert_accessible(alone)


def test_several_files_at_once(
    page: playwright.Page, clip: Path, still: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear Sir or Madam, " * 100)
    page.set_input_files("#file", [str(clip), str(still), str(letter)])
    entries = page.locator(".entry")
    expect(entries).to_have_count(3)
    expect(entries.locator(".label")).to_have_count(3, timeout=LONG_MS)
    expect(entries.filter(has_text=clip.name).locator(".label")).to_have_text(LABEL)
    expect(entries.filter(has_text=still.name).locator(".label")).to_have_text(LABEL)
    expect(entries.filter(has_text=letter.name)).to_contain_text("neither a video nor an image")
    assert page.url.endswith("/"), "the list stays"
    shoot(page, "several")
    assert_accessible(page)


@pytest.mark.parametrize(
    ("address", "title", "code"),
    [
        ("http://127.0.0.1:9/video.mp4", "not on the public internet", "blocked-address"),
        ("ftp://example.org/video.mp4", "not an address", "bad-url"),
        ("{site}/nowhere.mp4", "no longer there", "gone"),
    ],
)
def test_an_error_says_what_helps(
    browser: playwright.Browser, service: str, site: Site, address: str, title: str, code: str
) -> None:
    with opened(browser, service, wrong=("400 (BAD REQUEST)",)) as page:
        check_address(page, address.format(site=site.url))
        problem = page.locator(".problem:visible")
        problem.wait_for(timeout=LONG_MS)
        expect(problem.locator("strong")).to_contain_text(title)
        assert len(problem.locator("p").first.inner_text()) > 10, "the cure"
        if code == "blocked-address":
            shoot(page, "problem")
            assert_accessible(page)
        if code == "bad-url":
            expect(page.locator("#url")).to_have_value(address)
            expect(page.locator("#url")).to_have_attribute("aria-invalid", "true")
            expect(page.locator("#check-url .problem")).to_be_visible()
            expect(page.locator(".entry")).to_have_count(0)
        problem.get_by_role("link").click()
        expect(page).to_have_url(f"{service}/problems/{code}")


def test_try_again_opens_the_new_check(page: playwright.Page, site: Site, clip: Path) -> None:
    later = site.folder / "later.mp4"
    assert not later.exists()
    check_address(page, f"{site.url}/{later.name}")
    page.locator("#one .problem").wait_for(timeout=LONG_MS)
    before = id_of(page)
    later.write_bytes(clip.read_bytes())
    page.get_by_role("button", name="Try again").click()
    report_of(page)
    assert id_of(page) != before
    expect(page.locator(".stills img").first).to_be_visible()


def test_the_list_shows_each_check_and_can_be_narrowed(
    browser: playwright.Browser, service: str, site: Site, portrait: np.ndarray
) -> None:
    pictures = media.moving(portrait, count=30, size=(640, 480))
    clip = media.clip(site.folder / "listed.mp4", pictures, fps=15)
    with opened(browser, service, wrong=("404 (NOT FOUND)",)) as page:
        check_address(page, f"{site.url}/{clip.name}")
        report_of(page)
        done = id_of(page)
        page.click(".back")
        expect(page.locator(".entry .thumb")).to_have_js_property("complete", True)
        assert "kind=frame" in (page.get_attribute(".thumb", "src") or "")
        assert seen(page, ".thumb") == 1
        assert page.locator("#filter").is_hidden(), "a short list needs none"
        for number in range(7):
            check_address(page, f"{site.url}/nowhere-{number}.mp4")
            page.locator("#one .problem").wait_for(timeout=LONG_MS)
            page.click(".back")
        entries = page.locator(".entry:visible")
        expect(entries).to_have_count(8)
        expect(page.locator(".why").first).to_have_text("The video is no longer there")
        heights = [entry.bounding_box()["height"] for entry in entries.all()]
        assert max(heights) < 100, "one error does not push the others out of sight"
        shoot(page, "list")
        assert_accessible(page)
        page.select_option("#filter", "failed")
        expect(entries).to_have_count(7)
        requests.delete(f"{service}/jobs/{done}", timeout=20)
        page.reload()
        expect(page.locator(".thumb")).to_have_count(0)  # deleted with the result


def test_an_address_whose_media_was_sent_before_shows_the_whole_scene(
    browser: playwright.Browser, service: str, site: Site, portrait: np.ndarray
) -> None:
    pictures = media.moving(portrait, count=30, size=(480, 360))
    clip = media.clip(site.folder / "sent-before.mp4", pictures, fps=15)
    with clip.open("rb") as file:
        sent = requests.post(f"{service}/check-file?wait=55", files={"file": file}, timeout=70)
    assert sent.status_code == 200, sent.text
    with opened(browser, service) as page:
        check_address(page, f"{site.url}/{clip.name}")
        report_of(page)
        answers = [
            requests.get(f"{service}/jobs/{job}/faces/1.jpg?kind=frame", timeout=20)
            for job in (sent.json()["id"], id_of(page))
        ]
        expect(page.locator(".stills img").first).to_be_visible()
        expect(page.locator(".stills .box").first).to_be_visible()
        page.click(".back")
        expect(page.locator(".entry .thumb")).to_have_js_property("complete", True)
        assert "kind=frame" in (page.get_attribute(".thumb", "src") or "")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content, (
        "the upload's check is shared, pictures and all"
    )


def test_an_empty_file(browser: playwright.Browser, service: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with opened(browser, service, wrong=("422",)) as page:
        page.set_input_files("#file", str(empty))
        expect(page.locator(".entry .problem")).to_contain_text("The file is empty")


def test_earlier_checks(browser: playwright.Browser, service: str, still: Path) -> None:
    with opened(browser, service, wrong=("404 (NOT FOUND)",)) as page:
        page.set_input_files("#file", str(still))
        report_of(page)
        job = id_of(page)
        page.reload()  # by its address, without the file
        expect(report_of(page)).to_contain_text("Open the picture from your disk")
        page.click(".back")
        page.reload()
        entry = page.locator(".entry")
        expect(entry).to_have_count(1)
        expect(entry.locator(".label")).to_have_text(LABEL)
        entry.get_by_role("link").click()
        report_of(page)
        kept = page.evaluate("JSON.stringify(localStorage)")
        assert job in kept
        assert "samples" not in kept, "what was found stays with the service"

        requests.delete(f"{service}/jobs/{job}", timeout=20)
        page.reload()
        expect(page.locator("#one .problem")).to_contain_text("no longer has this check")
        shoot(page, "expired")
        assert_accessible(page)


def test_deleting(page: playwright.Page, service: str, clip: Path, still: Path) -> None:
    page.set_input_files("#file", [str(clip), str(still)])
    entries = page.locator(".entry")
    expect(entries.locator(".label")).to_have_count(2, timeout=LONG_MS)
    links = entries.get_by_role("link").all()
    jobs = [(link.get_attribute("href") or "").removeprefix("#/jobs/") for link in links]
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        entries.get_by_role("button", name=f"Delete: {still.name}").click()
    expect(entries).to_have_count(1)
    page.click("#clear")
    shoot(page, "delete-all")
    assert_accessible(page)
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.locator("dialog").get_by_role("button", name="Delete all").click()
    expect(page.locator("#none")).to_be_visible()
    assert page.evaluate("localStorage['mesoscope.checks']") == "[]"
    for job in jobs:
        assert requests.get(f"{service}/jobs/{job}", timeout=20).status_code == 404


def test_options(page: playwright.Page, service: str, site: Site, clip: Path) -> None:
    page.click("#options summary")
    page.fill("#from", "0:02")
    page.fill("#to", "0:01")
    check_address(page, f"{site.url}/{clip.name}")
    assert "later than the start" in page.evaluate(
        "document.getElementById('to').validationMessage"
    )
    page.fill("#from", "0:01")
    page.fill("#to", "0:02")
    page.select_option("#rate", "6")
    page.check("#fresh")
    page.click("#check-url button")
    report_of(page)
    result = requests.get(f"{service}/jobs/{id_of(page)}", timeout=20).json()["result"]
    assert result["options"]["samples_per_s"] == 6
    assert 1 <= min(result["media"]["sampled_s"]) <= max(result["media"]["sampled_s"]) <= 2


def test_a_phone_and_a_keyboard(browser: playwright.Browser, service: str, still: Path) -> None:
    narrow = {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark", "has_touch": True}
    width = "document.documentElement.scrollWidth"
    with opened(browser, service, **narrow) as page:
        # From here on: a browser that is asked for the chooser only as the key is pressed may
        # get the key first, and drops the chooser (8 of 60 tries on an idle machine).
        page.on("filechooser", lambda _: None)
        assert page.evaluate(width) <= 320
        page.keyboard.press("Tab")
        expect(page.locator("#skip")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.locator("#url")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.locator("#file")).to_be_focused()
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Space")
        chooser.value.set_files(str(still))
        report_of(page)
        expect(page.locator("#one h1")).to_be_focused()
        assert page.evaluate(width) <= 320
        shoot(page, "phone")
        page.go_back()
        expect(page.locator("#home h1")).to_be_focused()
        page.evaluate("document.documentElement.dir = 'rtl'")
        assert page.evaluate(width) <= 320
        shoot(page, "phone-rtl")
