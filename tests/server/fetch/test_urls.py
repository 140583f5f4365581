"""Addresses as people paste them. What is refused is listed among the attacks."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadUrl
from server.fetch.urls import checked_url, host_and_port


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        ("https://site.example/watch?v=1&t=2#at", "https://site.example/watch?v=1&t=2#at"),
        ("  HTTPS://Site.Example/Watch \n", "https://site.example/Watch"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example/"),
        ("http://fa\u00df.example/", "http://xn--fa-hia.example/"),
        ("http://\u4f8b\u3048.example/", "http://xn--r8jz45g.example/"),
        ("http://\uff11\uff12\uff17.0.0.1/", "http://127.0.0.1/"),
        ("http://site.example:8080", "http://site.example:8080"),
        ("http://[2606:4700:0::1111]:80/a", "http://[2606:4700::1111]:80/a"),
        ("https://site.example/%7Ea?b=%26", "https://site.example/%7Ea?b=%26"),
        ("https://site.example/caf\u00e9?q=\u00e9", "https://site.example/caf%C3%A9?q=%C3%A9"),
        ("https://site.example/#\u00e9", "https://site.example/#%C3%A9"),
        ("https://under_score.example/", "https://under_score.example/"),
    ],
)
def test_one_form(pasted: str, taken: str) -> None:
    assert checked_url(pasted) == taken
    assert checked_url(taken) == taken


PLAIN = "https://site.example/a.mp4"


@pytest.mark.parametrize(
    "pasted",
    [
        f"\ufeff{PLAIN}",
        f"{PLAIN}\ufeff\r\n",
        f"\u2060\u200b {PLAIN}\u200b\u00a0\u3000",
        f"\u200e{PLAIN}\u200f",
        f"\u2068{PLAIN}\u2069",
        f"\u202a{PLAIN}\u202c",
        f"{PLAIN}\u200d\ufe0f",
        "https://site\u00ad.example/\u200ba.mp4",
        "h\ufefft\u200btps://site.example/a.mp4",
        f"<{PLAIN}>",
        f"<URL:{PLAIN}>",
        f'"{PLAIN}"',
        f"'{PLAIN}'",
        f"`{PLAIN}`",
        f"({PLAIN})",
        f"\u201c{PLAIN}\u201d",
        f"\u00ab\u00a0{PLAIN}\u00a0\u00bb",
        f' "<\ufeff{PLAIN}\u200b>" ',
    ],
)
def test_what_nobody_sees_and_what_stands_around_is_dropped(pasted: str) -> None:
    assert checked_url(pasted) == PLAIN


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        ("https://site.example/a_(b)", "https://site.example/a_(b)"),
        ("https://site.example/it's'", "https://site.example/it's'"),
        # A family, joined by signs that nobody sees; and a Persian word.
        ("https://site.example/\U0001f468\u200d\U0001f467", "/%F0%9F%91%A8%E2%80%8D%F0%9F%91%A7"),
        ("https://site.example/\u0645\u06cc\u200c\u062e", "/%D9%85%DB%8C%E2%80%8C%D8%AE"),
        ("https://site.example/%E2%80%8B", "/%E2%80%8B"),
    ],
)
def test_what_belongs_to_an_address_stays(pasted: str, taken: str) -> None:
    assert checked_url(pasted).endswith(taken)


@pytest.mark.parametrize(
    "pasted", ["\ufeff", "<>", '"\u200b"', "(" * 2000 + ")" * 2000, "(" * 10**6]
)
def test_nothing_but_what_stands_around(pasted: str) -> None:
    with pytest.raises(BadUrl):
        checked_url(pasted)


def test_unseen_signs_hide_no_forbidden_word() -> None:
    with pytest.raises(BadUrl, match="smuggle"):
        checked_url("https://a.example/#__youtubedl\u200b_smug\ufeffgle=x")


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        ("https://a.example/v?id=7&utm_source=x&UTM_Medium=y", "https://a.example/v?id=7"),
        ("https://a.example/v?fbclid=1&id=7&gclid=2&t=3", "https://a.example/v?id=7&t=3"),
        ("https://a.example/v?utm_source=x", "https://a.example/v"),
        ("https://www.youtube.com/watch?v=abc&si=q&t=9", "https://www.youtube.com/watch?v=abc&t=9"),
        ("https://youtu.be/abc?si=q", "https://youtu.be/abc"),
        ("https://x.com/u/status/1?s=20", "https://x.com/u/status/1"),
    ],
)
def test_what_only_tracks_is_dropped(pasted: str, taken: str) -> None:
    assert checked_url(pasted) == taken
    assert checked_url(taken) == taken


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        ("https://someone:hunter2@site.example/v?id=7", "https://site.example/v?id=7"),
        ("https://someone@site.example:8080/", "https://site.example:8080/"),
        ("https://seems.example:80@real.example/", "https://real.example/"),
        ("https://a@seems.example@real.example/@home", "https://real.example/@home"),
        ("https://someone:@[2606:4700::1111]/", "https://[2606:4700::1111]/"),
    ],
)
def test_names_and_passwords_are_dropped_and_not_taken_for_the_host(
    pasted: str, taken: str
) -> None:
    assert checked_url(pasted) == taken


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/v?si=7&s=1&feature=2&ref=3&list=4&id=utm_source",
        "https://notyoutube.com/watch?v=abc&si=q",
        "https://a.example/v?id=7&&a=&b",
        "https://cdn.example/v.mp4?utm_source=x&X-Amz-Signature=ab",
        "https://cdn.example/v.mp4?Policy=a&Signature=b&fbclid=c",
    ],
)
def test_what_may_choose_the_video_stays(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://site.example/a", ("site.example", 443)),
        ("http://site.example/a", ("site.example", 80)),
        ("http://[::1]:81/", ("::1", 81)),
    ],
)
def test_host_and_port(url: str, place: tuple[str, int]) -> None:
    assert host_and_port(url) == place


def test_half_a_character_is_refused() -> None:
    with pytest.raises(BadUrl):
        checked_url("http://site.example/\ud800")


@given(st.text(max_size=60).map(lambda text: f"http://{text}"))
def test_any_text_is_taken_in_one_form_or_refused(text: str) -> None:
    try:
        url = checked_url(text)
    except BadUrl:
        return
    assert url.isascii()
    assert urlsplit(url).hostname
    assert checked_url(url) == url
