"""Sites that lead elsewhere or never end, through the whole download.

For each: the canary is not reached, the error says what was wrong, no process and no file is left.
What a spelling of a host can do is settled at the proxy (test_guard); here is how a site gets one
into yt-dlp.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from server.errors import (
    AppError,
    BadUrl,
    BlockedAddress,
    DownloadFailed,
    DownloadTimeout,
    LiveStream,
    TooLarge,
    TooLong,
    UnsupportedSite,
)
from server.processes.child import Child
from server.processes.fetch import DownloadLimits, Fetched, fetch
from tests.server.fetch.test_download import children
from tests.server.fetch_child import COMMAND
from tests.server.fetch_site import (
    RATE,
    SECONDS,
    TYPES,
    Canary,
    Handler,
    Reply,
    Site,
    gzip_bomb,
    left_behind,
    pictures_in,
)

pytestmark = [pytest.mark.attack, pytest.mark.slow]

VOD = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n"
END = "#EXT-X-ENDLIST\n"
MPD = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S"><Period>{base}<AdaptationSet contentType="video">'
    '<Representation id="0" mimeType="video/mp4" codecs="avc1.42c00b" bandwidth="9" width="160" '
    'height="120"><SegmentTemplate timescale="1" duration="1" startNumber="1" '
    'initialization="{init}" media="{media}"/></Representation></AdaptationSet></Period></MPD>'
)


def attack(url: str, site: Site, folder: Path, **limits: float) -> AppError:
    """The error of a download that must fail; checks that nothing is left behind."""
    wanted = {"timeout_s": 40.0} | limits
    with pytest.raises(AppError) as raised:
        fetch(
            url,
            folder,
            DownloadLimits(allow_hosts=site.allowed, **wanted),  # type: ignore[arg-type]
            partial(Child, command=COMMAND),
        )
    assert left_behind(folder) == []
    assert children() == []
    assert raised.value.detail
    assert not any(word in raised.value.detail for word in ("Traceback", "ERROR", "yt-dlp"))
    return raised.value


# Where a site may lead ---------------------------------------------------------------------------

Trap = Callable[
    [Site, str], str
]  # (site, the address that must not be reached) -> address to check


def _redirect(site: Site, to: str) -> str:
    return site.redirect("/trap", to)


def _redirect_of_redirect(site: Site, to: str) -> str:
    return site.redirect("/trap", site.redirect("/trap-2", to, status=307))


def _refresh(site: Site, to: str) -> str:
    return site.page("/trap", f'<meta http-equiv="refresh" content="0; url={to}">')


def _video_tag(site: Site, to: str) -> str:
    return site.page("/trap", f'<video src="{to}/x.mp4"></video>')


def _open_graph(site: Site, to: str) -> str:
    return site.page("/trap", f'<meta property="og:video" content="{to}/x.mp4">')


def _json_ld(site: Site, to: str) -> str:
    thing = (
        '{"@context": "https://schema.org", "@type": "VideoObject", "name": "N", '
        f'"contentUrl": "{to}/x.mp4"}}'
    )
    return site.page("/trap", f'<script type="application/ld+json">{thing}</script>')


def _rss(site: Site, to: str) -> str:
    item = f"<item><title>t</title><enclosure url='{to}/x.mp4'/></item>"
    body = (
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>c</title>{item}</channel></rss>"
    )
    return site.text("/trap.xml", body, "application/rss+xml")


def _segment(site: Site, to: str) -> str:
    return site.text("/trap.m3u8", f"{VOD}#EXTINF:1,\nplain0.ts\n#EXTINF:1,\n{to}/1.ts\n{END}")


def _segment_redirect(site: Site, to: str) -> str:
    site.redirect("/1.ts", f"{to}/1.ts")
    return site.text("/trap.m3u8", f"{VOD}#EXTINF:1,\nplain0.ts\n#EXTINF:1,\n/1.ts\n{END}")


def _key(site: Site, to: str) -> str:
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="{to}/key"\n'
    return site.text("/trap.m3u8", f"{VOD}{key}#EXTINF:1,\nlocked0.ts\n{END}")


def _first_part(site: Site, to: str) -> str:
    part = f'#EXT-X-MAP:URI="{to}/init.mp4"\n'
    return site.text("/trap.m3u8", f"{VOD}{part}#EXTINF:1,\nfragments0.m4s\n{END}")


def _variant(site: Site, to: str) -> str:
    stream = "#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=160x120\n"
    return site.text("/trap.m3u8", f"#EXTM3U\n{stream}{to}/v.m3u8\n")


def _dash_base(site: Site, to: str) -> str:
    base = f"<BaseURL>{to}/</BaseURL>"
    return site.text("/trap.mpd", MPD.format(base=base, init="i.m4s", media="$Number$.m4s"))


def _dash_init(site: Site, to: str) -> str:
    return site.text("/trap.mpd", MPD.format(base="", init=f"{to}/i", media="$Number$.m4s"))


def _dash_media(site: Site, to: str) -> str:
    return site.text(
        "/trap.mpd", MPD.format(base="", init="init-stream0.m4s", media=f"{to}/$Number$")
    )


TRAPS: list[Trap] = [
    _redirect,
    _redirect_of_redirect,
    _refresh,
    _video_tag,
    _open_graph,
    _json_ld,
    _rss,
    _segment,
    _segment_redirect,
    _key,
    _first_part,
    _variant,
    _dash_base,
    _dash_init,
    _dash_media,
]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__.strip("_"))
def test_no_way_leads_inside(site: Site, canary: Canary, tmp_path: Path, trap: Trap) -> None:
    error = attack(trap(site, f"http://127.0.0.1:{canary.port}"), site, tmp_path)
    assert isinstance(error, BlockedAddress)
    assert "127.0.0.1" in error.detail


@pytest.mark.parametrize(
    "address",
    [
        "http://0x7f.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://mixed.test/",
        "https://127.0.0.1:{port}/",
        "http://example.test@127.0.0.1:{port}/",
        "http://\uff11\uff12\uff17.0.0.1:{port}/",
        "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1:{port}/",
    ],
)
def test_no_spelling_leads_inside(site: Site, canary: Canary, tmp_path: Path, address: str) -> None:
    to = address.format(port=canary.port).encode().decode("latin-1")  # as a server sends it
    error = attack(site.redirect("/trap", to), site, tmp_path)
    # Python before 3.11.4 does not follow what it cannot read: then no video is on the page.
    assert isinstance(error, BlockedAddress | DownloadFailed | UnsupportedSite)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/x.mp4",
        "http://localhost:{port}/x.mp4",
        "http://2130706433:{port}/x.mp4",
        "https://[::ffff:7f00:1]:{port}/x.mp4",
        "http://[64:ff9b::7f00:1]:{port}/x.mp4",
        "http://[2002:7f00:1::]:{port}/x.mp4",
        "http://169.254.169.254/latest/meta-data/",
        "http://internal.test/x.mp4",
        "http://\uff11\uff12\uff17\u30020\u30020\u30021:{port}/x.mp4",
        "http://mixed.test/x.mp4",
        "http://example.test@127.0.0.1:{port}/x.mp4",
        "http://example.test:80@internal.test/x.mp4",
        "http://a@example.test@127.0.0.1:{port}/x.mp4",
    ],
)
def test_no_address_asked_for_leads_inside(
    site: Site, canary: Canary, tmp_path: Path, address: str
) -> None:
    error = attack(address.format(port=canary.port), site, tmp_path)
    assert isinstance(error, BlockedAddress)
    assert "MESOSCOPE_ALLOW_HOSTS" in error.detail


@pytest.mark.parametrize(
    ("trap", "address"),
    [
        (_segment, "file:///etc/passwd"),
        (_segment, "data:video/mp2t;base64,AAAA"),
        (_key, "ftp://127.0.0.1:{port}"),
        (_redirect, "file:///etc/passwd"),
        (_redirect, "gopher://127.0.0.1:{port}/_GET"),
        (_redirect, "ytsearch:cats"),
        (_video_tag, "file:///etc/passwd"),
    ],
)
def test_a_site_may_name_only_web_addresses(
    site: Site, canary: Canary, tmp_path: Path, trap: Trap, address: str
) -> None:
    error = attack(trap(site, address.format(port=canary.port)), site, tmp_path)
    assert isinstance(error, BlockedAddress | DownloadFailed | UnsupportedSite)


def test_a_page_cannot_smuggle_options(site: Site, canary: Canary, tmp_path: Path) -> None:
    """yt-dlp reads options of its own from an address, among them which proxy to use."""
    options = "%7B%22http_headers%22%3A%7B%22Ytdl-request-proxy%22%3A%22__noproxy__%22%7D%7D"
    smuggled = f"http://127.0.0.1:{canary.port}/x.mp4#__youtubedl_smuggle={options}"
    error = attack(site.page("/trap", f'<iframe src="{smuggled}"></iframe>'), site, tmp_path)
    assert isinstance(error, BlockedAddress | UnsupportedSite)
    error = attack(site.redirect("/trap-2", smuggled), site, tmp_path)
    assert isinstance(error, BlockedAddress | DownloadFailed)


def test_an_external_entity_is_not_read(site: Site, canary: Canary, tmp_path: Path) -> None:
    entity = (
        f'<!DOCTYPE m [<!ENTITY e SYSTEM "http://127.0.0.1:{canary.port}/e">'
        '<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    )
    body = f'<?xml version="1.0"?>{entity}<rss><channel><title>&e;&f;</title></channel></rss>'
    attack(site.text("/trap.xml", body, "application/rss+xml"), site, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "not an address",
        "example.test/video",
        "ytsearch:cats",
        "file:///etc/passwd",
        "data:video/mp4;base64,AAAA",
        "ftp://example.test/x.mp4",
        "javascript:alert(1)",
        "http:///x.mp4",
        "http://",
        "http://user:word@",
        "http://example.test\\@127.0.0.1/",
        "http://example.test/\r\nX: y",
        "http://example.test/\0",
        "http://exa mple.test/",
        "http://example.test:99999/",
        "http://example.test:port/",
        "http://example.test:/",
        "http://example..test/",
        "http://[::1/",
        "http://[fe80::1%25lo]/",
        "http://%31%32%37.0.0.1/",
        "http://\u2100.test/",
        "http://example.test/x#__youtubedl_smuggle=%7B%7D",
        "http://example.test/x#__YouTubeDL_smuggle=%7B%7D",
        "http://example.test/" + "a" * 5000,
    ],
)
def test_what_is_no_address_is_refused_at_once(site: Site, tmp_path: Path, url: str) -> None:
    begun = time.monotonic()
    assert isinstance(attack(url, site, tmp_path), BadUrl)
    assert time.monotonic() - begun < 0.5


# What never ends ---------------------------------------------------------------------------------


def test_endless_file_keeps_its_beginning(site: Site, media: Path, tmp_path: Path) -> None:
    def endless(handler: Handler) -> None:
        handler.begin("video/mp4")
        handler.wfile.write((media / "clip.mp4").read_bytes())
        handler.pour(b"\0" * 65536)

    limits = DownloadLimits(allow_hosts=site.allowed, max_bytes=2_000_000)
    url = site.behave("/endless.mp4", endless)
    kept: Fetched = fetch(url, tmp_path, limits, Child)
    assert kept.cut_short
    assert kept.path.stat().st_size < 2_000_000 + 200_000
    assert pictures_in(kept.path) == RATE * SECONDS


def test_endless_file_without_an_index(site: Site, tmp_path: Path) -> None:
    def endless(handler: Handler) -> None:
        handler.begin("video/mp4")
        handler.pour(b"\x5a" * 65536)

    error = attack(site.behave("/endless.mp4", endless), site, tmp_path, max_bytes=2_000_000)
    assert isinstance(error, TooLarge)


def test_index_last_and_too_large(site: Site, media: Path, tmp_path: Path) -> None:
    size = (media / "index-last.mp4").stat().st_size
    error = attack(site.url("/index-last.mp4"), site, tmp_path, max_bytes=size // 2)
    assert isinstance(error, TooLarge)


def test_many_segments_keep_their_beginning(site: Site, media: Path, tmp_path: Path) -> None:
    size = (media / "plain0.ts").stat().st_size
    segments = "".join(f"#EXTINF:1,\nplain{index % 4}.ts\n" for index in range(400))
    url = site.text("/long.m3u8", f"{VOD}{segments}{END}")
    limits = DownloadLimits(allow_hosts=site.allowed, max_bytes=20 * size)
    kept = fetch(url, tmp_path, limits, Child)
    assert kept.cut_short
    assert pictures_in(kept.path) > RATE


def test_endless_page(site: Site, tmp_path: Path) -> None:
    def endless(handler: Handler) -> None:
        handler.begin("text/html")
        handler.wfile.write(b"<!doctype html><html><body>")
        handler.pour(b"<p>more</p>" * 5000)

    assert isinstance(attack(site.behave("/endless", endless), site, tmp_path), TooLarge)


def test_gzip_bomb(site: Site, tmp_path: Path) -> None:
    packed = gzip_bomb(100, b"<!doctype html><html><body>")
    site.routes["/bomb"] = Reply(packed, headers={"Content-Encoding": "gzip"})
    assert isinstance(attack(site.url("/bomb"), site, tmp_path), TooLarge)


def test_gzip_bomb_as_a_playlist(site: Site, tmp_path: Path) -> None:
    packed = gzip_bomb(100, b"#EXTM3U\n")
    site.routes["/bomb.m3u8"] = Reply(packed, TYPES[".m3u8"], headers={"Content-Encoding": "gzip"})
    assert isinstance(attack(site.url("/bomb.m3u8"), site, tmp_path), TooLarge)


def test_one_byte_at_a_time(site: Site, tmp_path: Path) -> None:
    def dripping(handler: Handler) -> None:
        handler.begin("video/mp4", 1_000_000)
        handler.pour(b"\0", pause_s=0.2)

    begun = time.monotonic()
    error = attack(site.behave("/drip.mp4", dripping), site, tmp_path, timeout_s=5.0)
    assert isinstance(error, DownloadTimeout)
    assert time.monotonic() - begun < 8


def test_head_one_byte_at_a_time(site: Site, tmp_path: Path) -> None:
    def dripping(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        handler.pour(b"a", pause_s=0.2)

    error = attack(site.behave("/drip.mp4", dripping), site, tmp_path, timeout_s=5.0)
    assert isinstance(error, DownloadTimeout)


def test_endless_head(site: Site, tmp_path: Path) -> None:
    def endless(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        handler.pour(b"X-Filler: " + b"a" * 10_000 + b"\r\n")

    assert isinstance(attack(site.behave("/head.mp4", endless), site, tmp_path), DownloadFailed)


def test_redirect_loop(site: Site, tmp_path: Path) -> None:
    error = attack(site.redirect("/loop", "/loop"), site, tmp_path)
    assert isinstance(error, DownloadFailed)
    assert "circle" in error.detail


def test_less_than_promised(site: Site, media: Path, tmp_path: Path) -> None:
    def short(handler: Handler) -> None:
        handler.begin("video/mp4", 10_000_000)
        handler.wfile.write((media / "clip.mp4").read_bytes())

    error = attack(site.behave("/short.mp4", short), site, tmp_path)
    assert isinstance(error, DownloadFailed)


def test_live_stream(site: Site, tmp_path: Path) -> None:
    live = VOD.replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "") + "#EXTINF:1,\nplain0.ts\n"
    assert isinstance(attack(site.text("/live.m3u8", live), site, tmp_path), LiveStream)


def test_hundred_thousand_segments(site: Site, tmp_path: Path) -> None:
    url = site.text("/huge.m3u8", VOD + "#EXTINF:1,\nplain0.ts\n" * 100_000 + END)
    assert isinstance(attack(url, site, tmp_path), TooLong)


def test_thousands_of_videos(site: Site, tmp_path: Path) -> None:
    entries = "".join(f"<item><link>/clip.mp4?{index}</link></item>" for index in range(10_000))
    body = f"<?xml version='1.0'?><rss><channel><title>c</title>{entries}</channel></rss>"
    site.requests.clear()
    limits = DownloadLimits(allow_hosts=site.allowed)
    url = site.text("/many.xml", body.replace("/clip.mp4", site.url("/clip.mp4")), "text/xml")
    assert pictures_in(fetch(url, tmp_path, limits, Child).path)
    assert len(site.requests) < 10
