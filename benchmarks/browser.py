"""The networks in the browser (LiteRT.js in Chromium) beside TFLite on the same files, in one run;
and what a whole check there takes from a video that plays: dropped frames, and memory.

Both run what `make extension` packs, on one thread: the browser in a worker, with the extension's
own modules; TFLite in this process. The P-Net at one size of picture, the others with the batch
that they take.
"""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import light
from benchmarks.compare import Comparison, report, write
from benchmarks.machine import setting
from benchmarks.options import WORK, Missing, line, option, results
from benchmarks.peers.side import ROOT
from convert.fixed import with_sides
from models.pyramid import windows_along

PARTS = ROOT / "build" / "local"
CHROMIUM = shutil.which("chromium")
PNET_PX = (384, 216)  # width and height: a frame of 16 to 9, faces from 40 px in 720p
CALLS = 10  # in a row, of which the quickest counts: others' work weighs on it least
PEER = "TFLite"
WORKER = """
const opening = import("/local/runtime.js")
  .then(({ openRuntime }) => openRuntime("relaxed-simd", false));
async function runs(name, batch) {
  const { detector, classifier, manifest } = await opening;
  const count = (shape) => shape.reduce((product, side) => product * side, 1);
  const pixels = (shape) => new Float32Array(count(shape)).fill(100);
  if (name === "pnet") {
    const [width, height] = batch;
    return () => detector.pnet({ width, height, channels: 3, data: pixels([height, width, 3]) });
  }
  const [network, { shape }] = name === "classifier"
    ? [classifier, manifest.classifier.network] : [detector[name], manifest.detector[name]];
  const input = pixels(shape);
  return () => network.run(input);
}
onmessage = async ({ data: { name, batch, calls } }) => {
  const run = await runs(name, batch);
  await run();
  const ms = [];
  for (let i = 0; i < calls; i += 1) {
    const before = performance.now();
    await run();
    ms.push(performance.now() - before);
  }
  postMessage(ms);
};
"""
ASK = """(order) => new Promise((resolve, reject) => {
  globalThis.worker ??= new Worker('/worker-of-the-benchmark.js');
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(order);
})"""


@dataclass(frozen=True, slots=True)
class Options:
    """`parts`: what `make build/local/.ready` writes; `made_in`: where videos are kept."""

    rounds: int = option("how often each network is measured", 5)
    checks: int = option("how often a video with one face and one with three are checked", 3)
    results: Path = results("browser")
    chromium: str | None = CHROMIUM
    parts: Path = PARTS
    made_in: Path = WORK


def ready(chromium: str | None, parts: Path) -> str:
    """The browser, where it and what it is to run are here. Raises Missing."""
    if chromium is None:
        raise Missing("chromium is not installed: apt-get install chromium")
    if not (parts / "networks" / "networks.json").is_file():
        raise Missing("the networks for the browser are not here: make build/local/.ready")
    return chromium


@dataclass(frozen=True, slots=True)
class Stage:
    """One network at one size: its name and batch as WORKER takes them, and TFLite's own call."""

    name: str
    batch: Any
    native: Callable[[], None]


def stages(folder: Path) -> Iterator[tuple[str, Stage]]:
    """Every network that `convert browser` wrote into `folder`, by its name in the results."""
    manifest = json.loads((folder / "networks.json").read_text())
    width, height = PNET_PX
    pnet = manifest["detector"]["pnet"]
    places = (pnet["sides_at"]["input"], pnet["sides_at"]["answer"])
    content = with_sides(
        (folder / pnet["file"]).read_bytes(),
        places,
        (height, width),
        (windows_along(height), windows_along(width)),
    )
    yield f"P-Net {width} x {height}", Stage("pnet", PNET_PX, _native(content))
    entries = [(name, manifest["detector"][name]) for name in ("rnet", "onet")]
    entries.append(("classifier", manifest["classifier"]["network"]))
    for name, entry in entries:
        batch = entry["shape"][0]
        native = _native((folder / entry["file"]).read_bytes())
        yield f"{name} of {batch}", Stage(name, batch, native)


def _native(content: bytes) -> Callable[[], None]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    interpreter.set_tensor(given["index"], np.full(given["shape"], 100, np.float32))
    return interpreter.invoke


def _native_ms(stage: Stage) -> float:
    stage.native()
    taken = []
    for _ in range(CALLS):
        before = time.perf_counter()
        stage.native()
        taken.append(1000 * (time.perf_counter() - before))
    return min(taken)


@contextmanager
def _page(chromium: str, parts: Path) -> Iterator[Callable[[Stage], float]]:
    """How long a stage takes in a page of its own, in milliseconds."""
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory(prefix="mesoscope-browser-") as name,
        sync_playwright() as driver,
    ):
        folder = Path(name)
        for source in (ROOT / "extension" / "src" / "local", parts):
            _copy(source, folder / "local")
        (folder / "worker-of-the-benchmark.js").write_text(WORKER)
        (folder / "index.html").write_text("<!doctype html><title>benchmark</title>")
        with _served(folder) as url:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(f"{url}/index.html")

            def ms(stage: Stage) -> float:
                order = {"name": stage.name, "batch": stage.batch, "calls": CALLS}
                return min(page.evaluate(ASK, order))

            yield ms
            browser.close()


def _copy(source: Path, to: Path) -> None:
    for path in source.rglob("[!.]*"):
        if path.is_file():
            place = to / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Files, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def main(options: Options) -> None:
    """Measure, print, and write `options.results`. Raises Missing."""
    parts, chromium = options.parts, ready(options.chromium, options.parts)
    known = dict(stages(parts / "networks"))
    ours: dict[str, list[float]] = {name: [] for name in known}
    theirs: dict[str, list[float]] = {name: [] for name in known}
    with _page(chromium, parts) as in_browser:
        for _ in range(options.rounds):
            for name, stage in known.items():
                ours[name].append(in_browser(stage))
                theirs[name].append(_native_ms(stage))
    comparisons = [Comparison(name, PEER, ours[name], theirs[name], unit="ms") for name in known]
    litert = json.loads((parts / "litert" / "litert.json").read_text())["version"]
    versions = {"ai-edge-litert": version("ai-edge-litert"), "litert.js": litert}
    report("browser", comparisons, line(options), versions, options.results)
    found = light.measured(chromium, parts, options.made_in, options.checks)
    more = list(light.rows(found))
    about = setting(line(options), versions)
    write([*(each.row() for each in comparisons), *more], about, options.results)
    for row in more:
        print("browser-{name}: {ours} {unit} ({low} to {high}) {wanted} {holds}".format(**row))
