"""The extension in a real Chromium, used as a person uses it: the toolbar, the popup, the page.

The toolbar's click is the browser's own (`Extensions.triggerAction`): it opens the real popup and
grants `activeTab`. The overlay lives in a closed shadow root, which only the debugger sees.
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Error, Page, Playwright, Worker

from tests.e2e.conftest import ROOT
from tests.extension.tools import tool

ARTEFACTS = ROOT / "tests" / "artefacts"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
READY = "document.body?.dataset.ready === 'true'"
HOST = "mesoscope-overlay"
DONE = "!!document.querySelector('.verdict .worth')"


def wait_for(page: Page, what: Callable[[], Any], seconds: float = 30, name: str = "") -> Any:
    """What `what` gives once it is true; the browser's events are served meanwhile."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {name or what}")
        page.wait_for_timeout(50)
    return value


class Target:
    """A page that Playwright does not list, such as the popup, over the browser's session."""

    def __init__(self, browser: CDPSession, target_id: str, page: Page) -> None:
        self._browser, self._page, self._ids = browser, page, itertools.count(1)
        self._target = target_id
        self._answers: dict[int, dict[str, Any]] = {}
        browser.on("Target.receivedMessageFromTarget", self._receive)
        attached = browser.send("Target.attachToTarget", {"targetId": target_id, "flatten": False})
        self._session = attached["sessionId"]

    def _receive(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if event["sessionId"] == self._session and "id" in message:
            self._answers[message["id"]] = message

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        message = json.dumps({"id": number, "method": method, "params": params})
        self._browser.send(
            "Target.sendMessageToTarget", {"sessionId": self._session, "message": message}
        )
        answer = wait_for(self._page, lambda: self._answers.pop(number, None), name=method)
        assert "error" not in answer, answer
        return answer["result"]

    def evaluate(self, expression: str) -> Any:
        result = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self, selector: str = "body") -> str:
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def click(self, selector: str) -> None:
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def wait(self, expression: str, seconds: float = 30) -> Any:
        try:
            return wait_for(self._page, lambda: self.evaluate(expression), seconds, expression)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; the page says: {self.text()}") from None

    def shoot(self, name: str) -> None:
        data = self.send("Page.captureScreenshot", format="png")["data"]
        save(name, data)

    def close(self) -> None:
        """Close the page, if a click elsewhere has not done so already."""
        with suppress(Error):
            self._browser.send("Target.closeTarget", {"targetId": self._target})
        self._browser.remove_listener("Target.receivedMessageFromTarget", self._receive)


def save(name: str, base64_png: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    (ARTEFACTS / f"extension-{name}.png").write_bytes(base64.b64decode(base64_png))


class Overlay:
    """What is drawn over a page: the closed shadow roots, opened with the debugger."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self._session = context.new_cdp_session(page)

    def _roots(self) -> list[str]:
        """The remote objects of the overlays' shadow roots, in all frames of the page's process."""
        document = self._session.send("DOM.getDocument", {"depth": -1, "pierce": True})
        found: list[str] = []

        def walk(node: dict[str, Any]) -> None:
            if node["localName"] == HOST:
                for root in node.get("shadowRoots", []):
                    resolved = self._session.send(
                        "DOM.resolveNode", {"backendNodeId": root["backendNodeId"]}
                    )
                    found.append(resolved["object"]["objectId"])
            for key in ("children", "shadowRoots"):
                for child in node.get(key, []):
                    walk(child)
            if "contentDocument" in node:
                walk(node["contentDocument"])

        walk(document["root"])
        return found

    def count(self) -> int:
        return len(self._roots())

    def each(self, function: str) -> list[Any]:
        """What the JavaScript `function(root)` gives for every overlay."""
        values = []
        for root in self._roots():
            result = self._session.send(
                "Runtime.callFunctionOn",
                {
                    "functionDeclaration": f"function() {{ return ({function})(this); }}",
                    "objectId": root,
                    "returnByValue": True,
                    "awaitPromise": True,
                },
            )
            assert "exceptionDetails" not in result, result
            values.append(result["result"].get("value"))
        return values

    def only(self, function: str) -> Any:
        values = self.each(function)
        assert len(values) == 1, f"{len(values)} overlays"
        return values[0]

    def boxes(self) -> list[dict[str, float]]:
        """The seen boxes of the faces, in viewport pixels."""
        return self.only(
            """(root) => [...root.querySelectorAll('.box')]
              .filter((box) => getComputedStyle(box).visibility === 'visible')
              .map((box) => box.getBoundingClientRect().toJSON())"""
        )

    def text(self) -> str:
        return self.only("(root) => root.querySelector('.panel').innerText")

    def panel(self) -> dict[str, float]:
        return self.only("(root) => root.querySelector('.panel').getBoundingClientRect().toJSON()")


class Extension:
    """The installed extension; `worker` is its service worker as it is now, and `clicked_at` when
    its icon was last clicked, in seconds since the epoch."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.clicked_at = 0.0
        if not context.service_workers:
            context.wait_for_event("serviceworker", timeout=60_000)
        self.id = self.worker.url.split("/")[2]
        assert context.browser is not None
        self._close_first_run(context.pages[0])
        self._browser = context.browser.new_browser_cdp_session()

    def _close_first_run(self, page: Page) -> None:
        """It opens when it will, and would come before the page that is to be clicked on."""

        def opened() -> Page | None:
            found = [one for one in self.context.pages if one.url.endswith("/welcome.html")]
            return found[0] if found else None

        wait_for(page, opened, 60, "the first-run page").close()

    @property
    def worker(self) -> Worker:
        return self.context.service_workers[-1]

    def address(self, path: str) -> str:
        return f"chrome-extension://{self.id}/{path}"

    def set(self, **settings: Any) -> None:
        self.worker.evaluate("(changes) => chrome.storage.local.set(changes)", settings)

    def checks(self) -> list[dict[str, Any]]:
        return self.worker.evaluate(
            """async () => Object.entries(await chrome.storage.session.get(null))
              .filter(([key]) => key.startsWith('check:')).map(([, check]) => check)"""
        )

    def click(self, page: Page) -> Target:
        """Click the toolbar's icon on `page`; its popup, ready.

        Once more where the popup has gone again: a window that only now takes the focus closes it.
        """
        with suppress(Error):
            return self._clicked(page)
        return self._clicked(page)

    def _clicked(self, page: Page) -> Target:
        for stale in self._popups():
            self._browser.send("Target.closeTarget", {"targetId": stale})
        page.bring_to_front()
        # A hidden tab is not the one that the popup is about.
        wait_for(page, lambda: page.evaluate("document.visibilityState === 'visible'"))
        tabs = self._browser.send("Target.getTargets", {"filter": [{"type": "tab"}]})
        [tab] = [t for t in tabs["targetInfos"] if t["url"] == page.url]
        self.clicked_at = time.time()
        self._browser.send("Extensions.triggerAction", {"id": self.id, "targetId": tab["targetId"]})
        [target] = wait_for(page, self._popups, name="the popup")
        popup = Target(self._browser, target, page)
        popup.wait(READY)
        return popup

    def _popups(self) -> list[str]:
        targets = self._browser.send("Target.getTargets")["targetInfos"]
        return [t["targetId"] for t in targets if t["url"] == self.address("popup/popup.html")]

    def overlay(self, page: Page) -> Overlay:
        return Overlay(self.context, page)


def copied(
    folder: Path,
    allowed: Sequence[str],
    local: Path | None = None,
    changed: Mapping[str, tuple[str, str]] | None = None,
) -> Path:
    """The extension as it is packed, in `folder`, that may reach the addresses in `allowed`.

    changed: by file, the one place to change there and what stands there then.

    The browser's prompt for a host permission needs a screen and a hand, so the copy's manifest has
    those permissions from the start: as if a person had granted them.
    """
    source = tool("pack").lay_out("chrome", folder / "extension", local)
    manifest = json.loads((source / "manifest.json").read_text())
    manifest["host_permissions"] = [f"{address}/*" for address in allowed]
    (source / "manifest.json").write_text(json.dumps(manifest))
    for name, (found, instead) in (changed or {}).items():
        text = (source / name).read_text()
        assert text.count(found) == 1, f"{name} has no {found}"
        (source / name).write_text(text.replace(found, instead))
    return source


def loaded(page: Page, selector: str = "video") -> None:
    page.wait_for_function("(s) => document.querySelector(s).readyState >= 2", arg=selector)


def seek(page: Page, time_s: float) -> None:
    """Put the page's video to a time; until its picture is there, a canvas would get none."""
    page.evaluate("(t) => { document.querySelector('video').currentTime = t; }", time_s)
    page.wait_for_function("!document.querySelector('video').seeking")
    loaded(page)


def shoot(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=str(ARTEFACTS / f"extension-{name}.png"))


def drawn(extension: Extension, page: Page, count: int = 1) -> None:
    overlay = extension.overlay(page)
    wait_for(page, lambda: overlay.count() == count, 60, f"{count} overlays")


def finish(extension: Extension, popup: Target, page: Page) -> str:
    """Wait for the verdict on the page; the popup's text on it."""
    popup.wait(DONE, 90)
    drawn(extension, page)
    return popup.text("#outcome")


@contextmanager
def installed(
    driver: Playwright,
    chromium: str,
    folder: Path,
    allowed: Sequence[str] = (),
    local: Path | None = None,
    flags: Sequence[str] = (),
    changed: Mapping[str, tuple[str, str]] | None = None,
) -> Iterator[Extension]:
    """A fresh Chromium with the extension in `folder`; `local`: with networks, see pack.py."""
    source = copied(folder, allowed, local, changed)
    loading = [f"--disable-extensions-except={source}", f"--load-extension={source}"]
    context = driver.chromium.launch_persistent_context(
        str(folder / "profile"),
        executable_path=chromium,
        headless=True,
        args=[*loading, *FLAGS, *flags],
        viewport={"width": 1000, "height": 700},
    )
    try:
        yield Extension(context)
    finally:
        context.close()
