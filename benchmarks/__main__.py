"""python -m benchmarks WHAT: measure us, some beside the named peers; writes results/WHAT.csv."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORK = HERE.parent / "var" / "benchmarks"  # what is made to measure with
BACKENDS = ("files", "servers")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    data = Path(os.environ.get("MESOSCOPE_DATA", HERE.parents[1] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data, help="default: MESOSCOPE_DATA")
    commands = parser.add_subparsers(dest="command", required=True)

    agreement = commands.add_parser("agreement", help="our faces against the mtcnn package's")
    agreement.add_argument("--frames-per-clip", type=int, default=4)
    agreement.set_defaults(run=_agreement)

    drill = commands.add_parser("drill", help="kill everything at random; is a check ever lost?")
    drill.add_argument("--jobs", type=int, default=200)
    drill.add_argument("--seed", type=int, default=1, help="the same seed, the same kills")
    drill.add_argument("--workers", type=int, default=2, help="of each of the two machines")
    drill.add_argument("--real", type=int, default=1, help="one check in N; others take time only")
    drill.add_argument("--backend", choices=BACKENDS, help="default: both")
    drill.add_argument("--limit", type=float, default=1800, help="seconds for each back-end")
    drill.add_argument("--results", type=Path, default=HERE / "results" / "drill.csv")
    drill.set_defaults(run=_drill)

    queue = commands.add_parser("queue", help="checks a second through the queue; two machines")
    queue.add_argument("--backend", choices=BACKENDS, help="default: both")
    queue.add_argument("--share", type=float, default=1.0, help="of the full number of checks")
    queue.add_argument("--results", type=Path, default=HERE / "results" / "queue.csv")
    queue.set_defaults(run=_queue)

    detector = commands.add_parser("detector", help="finding faces, beside two packages")
    detector.add_argument("--pictures", type=int, default=6, help="for each case")
    detector.add_argument("--rounds", type=int, default=3)
    detector.add_argument("--only", nargs="+", metavar="CASE", help="such as stills-720p")
    detector.set_defaults(run=_detector)

    classifier = commands.add_parser("classifier", help="judging crops, beside Keras predict")
    classifier.add_argument("--rounds", type=int, default=30)
    classifier.add_argument("--batches", type=int, nargs="+", choices=(1, 32), default=(1, 32))
    classifier.set_defaults(run=_classifier)

    decode = commands.add_parser("decode", help="reading a video, beside OpenCV and PyAV")
    decode.add_argument("--seconds", type=float, default=60, help="of 720p")
    decode.add_argument("--rounds", type=int, default=5)
    decode.set_defaults(run=_decode)

    pipeline = commands.add_parser("pipeline", help="a whole check, beside what is usually built")
    pipeline.add_argument("--seconds", type=float, default=60, help="of 720p")
    pipeline.add_argument("--rounds", type=int, default=3)
    pipeline.add_argument("--long", action="store_true", help="memory of two hours of 1080p too")
    pipeline.set_defaults(run=_pipeline)

    startup = commands.add_parser("startup", help="from start to first answer, and memory")
    startup.add_argument("--rounds", type=int, default=5)
    startup.add_argument("--watched", type=int, default=3, help="rounds for the memory")
    startup.set_defaults(run=_startup)

    cost = commands.add_parser("cost", help="a check's cost by resolution, faces and length")
    cost.add_argument("--seconds", type=float, default=20, help="of each video but the long ones")
    cost.add_argument("--rounds", type=int, default=3)
    cost.set_defaults(run=_cost)

    browser = commands.add_parser("browser", help="the networks in the browser, beside TFLite")
    browser.add_argument("--rounds", type=int, default=5)
    browser.set_defaults(run=_browser)

    click = commands.add_parser("click", help="from a click in the browser to boxes and verdict")
    click.add_argument("--rounds", type=int, default=5)
    click.add_argument("--only", nargs="+", default=(), metavar="CASE", help="such as 720p-60s")
    click.add_argument("--alone", action="store_true", help="not beside the plain pipeline")
    click.set_defaults(run=_click)

    roofline = commands.add_parser("roofline", help="results beside what this core could do")
    roofline.add_argument("--results", type=Path, default=HERE / "results", help="the folder")
    roofline.set_defaults(run=_roofline)

    peers = commands.add_parser("peers", help="make the environments that peers need")
    peers.add_argument("names", nargs="*", metavar="PEER", help="default: all")
    peers.add_argument("--lock", action="store_true", help="pin them again instead")
    peers.set_defaults(run=_peers)

    for name in (
        "detector",
        "classifier",
        "decode",
        "pipeline",
        "startup",
        "cost",
        "browser",
        "click",
    ):
        results = HERE / "results" / f"{name}.csv"
        commands.choices[name].add_argument("--results", type=Path, default=results)

    labels = commands.add_parser("labels", help="does the slow and sure way say the same?")
    labels.add_argument("--clips", nargs="+", metavar="NAME", help="default: all")
    labels.add_argument("--results", type=Path, default=HERE / "results" / "labels.csv")
    labels.set_defaults(run=_labels)

    backends = commands.add_parser("backends", help="do Keras and TFLite answer alike?")
    backends.add_argument("--clips", nargs="+", metavar="NAME", help="default: all")
    backends.add_argument("--samples-per-s", type=float, default=1.0)
    backends.add_argument("--results", type=Path, help="default: none is written")
    backends.set_defaults(run=_backends)

    precision = commands.add_parser("precision", help="what 16-bit floats do to the full networks")
    precision.add_argument("--crops", type=int, default=200)
    precision.add_argument("--frames-per-clip", type=int, default=3)
    precision.add_argument("--results", type=Path, default=HERE / "results" / "precision.csv")
    precision.set_defaults(run=_precision)

    gpu = commands.add_parser("gpu", help="faces and frames a second on the GPU and beside it")
    gpu.add_argument("--results", type=Path, help="default: none is written")
    gpu.set_defaults(run=_gpu)

    args = parser.parse_args(argv)
    return int(args.run(args))


def _detector(args: argparse.Namespace) -> int:
    from benchmarks import detector

    unknown = set(args.only or ()) - set(detector.NAMES)
    if unknown:
        print(f"no such case: {', '.join(unknown)}; there are {', '.join(detector.NAMES)}")
        return 2
    order = detector.Order(args.pictures, args.rounds, args.only or detector.NAMES)
    detector.main(args.data, order, args.results)
    return 0


def _classifier(args: argparse.Namespace) -> int:
    from benchmarks import classifier

    order = classifier.Order(args.rounds, args.batches)
    classifier.main(order, args.results)
    return 0


def _decode(args: argparse.Namespace) -> int:
    from benchmarks import decode
    from benchmarks.clip import Scene

    clip = Scene(seconds=args.seconds).file(WORK)
    decode.main(decode.Order(clip, args.seconds, args.rounds), args.results)
    return 0


def _pipeline(args: argparse.Namespace) -> int:
    from benchmarks import pipeline
    from benchmarks.clip import Scene, repeated
    from benchmarks.peers import environments

    large = Scene(1920, 1080, 10, faces=2, face_px=180, grain=4).file(WORK)
    order = pipeline.Order(
        clip=Scene(seconds=args.seconds).file(WORK),
        seconds=args.seconds,
        rounds=args.rounds,
        large=large,
        long=repeated(large, 720, WORK / "two-hours.mp4") if args.long else None,
        python=environments.lean(),
    )
    pipeline.main(order, args.results)
    return 0


def _startup(args: argparse.Namespace) -> int:
    from benchmarks import startup
    from benchmarks.peers import environments

    startup.main(startup.Order(args.rounds, args.watched, environments.lean()), args.results)
    return 0


def _cost(args: argparse.Namespace) -> int:
    from benchmarks import cost
    from benchmarks.peers import environments

    cost.main(cost.Order(args.rounds, args.seconds, WORK, environments.lean()), args.results)
    return 0


def _browser(args: argparse.Namespace) -> int:
    import shutil

    from benchmarks import browser

    try:
        browser.main(args.rounds, shutil.which("chromium"), browser.PARTS, args.results)
    except browser.Missing as missing:
        print(missing)
        return 1
    return 0


def _click(args: argparse.Namespace) -> int:
    import shutil

    from benchmarks import browser
    from benchmarks.click import run

    try:
        found = shutil.which("chromium")
        run.main(
            run.Order(args.rounds, found, browser.PARTS, WORK, not args.alone, only=args.only),
            args.results,
        )
    except browser.Missing as missing:
        print(missing)
        return 1
    return 0


def _roofline(args: argparse.Namespace) -> int:
    from benchmarks import roofline

    roofline.main(args.results)
    return 0


def _peers(args: argparse.Namespace) -> int:
    from benchmarks.peers import environments

    unknown = set(args.names) - set(environments.NAMES)
    if unknown:
        print(f"no such peer: {', '.join(unknown)}; there are {', '.join(environments.NAMES)}")
        return 2
    for name in args.names or environments.NAMES:
        if args.lock:
            environments.lock(name)
            continue
        print(f"{name}: {environments.make(name)}", flush=True)
    return 0


def _drill(args: argparse.Namespace) -> int:
    from rich.console import Console

    from benchmarks import servers
    from benchmarks.drill import results
    from benchmarks.drill.run import Order, drill

    order = Order(args.jobs, args.seed, args.workers, args.real, args.limit)
    console, reports = Console(stderr=True, highlight=False), []
    for backend in [args.backend] if args.backend else BACKENDS:
        try:
            reports.append(drill(backend, order, console))
        except servers.Missing as missing:
            print(f"{backend}: {missing}")
            return 1
        print(results.sentence(reports[-1]), flush=True)
        if reports[-1].wrong:
            print(f"answers that no service should give: {reports[-1].wrong}")
    results.write(args.results, reports, order)
    print(results.last_line(reports))
    return 0 if all(report.holds for report in reports) else 1


def _queue(args: argparse.Namespace) -> int:
    from benchmarks import queue, servers

    try:
        backends = [args.backend] if args.backend else list(BACKENDS)
        holds = queue.main(backends, args.share, args.results)
    except servers.Missing as missing:
        print(missing)
        return 1
    print("holds" if holds else f"does not hold: wanted {queue.WANTED}")
    return 0 if holds else 1


def _backends(args: argparse.Namespace) -> int:
    from benchmarks import backends

    if not backends.clips(args.data):
        print(f"no clips in {args.data}; say where they are with MESOSCOPE_DATA or --data")
        return 2
    holds = backends.main(args.data, args.clips, args.samples_per_s, args.results)
    wanted = f"P within {backends.MOST_DP:g}, boxes within {backends.MOST_PX:g} px"
    print("holds" if holds else f"does not hold: wanted {wanted}")
    return 0 if holds else 1


def _labels(args: argparse.Namespace) -> int:
    from benchmarks import backends, labels

    if not backends.clips(args.data):
        print(f"no clips in {args.data}; say where they are with MESOSCOPE_DATA or --data")
        return 2
    return 0 if labels.main(args.data, args.clips, args.results) else 1


def _gpu(args: argparse.Namespace) -> int:
    from benchmarks import gpu

    return 0 if gpu.main(args.results) else 1


def _precision(args: argparse.Namespace) -> int:
    from benchmarks import precision

    if not (args.data / "dfdc224-val.tar").is_file():
        print(f"no data in {args.data}; say where it is with MESOSCOPE_DATA or --data")
        return 2
    precision.main(args.data, args.crops, args.frames_per_clip, args.results)
    return 0


def _agreement(args: argparse.Namespace) -> int:
    if not (args.data / "manifest.csv").is_file():
        print(f"no data in {args.data}; say where it is with MESOSCOPE_DATA or --data")
        return 2
    import cv2

    from benchmarks import agreement

    cv2.setNumThreads(1)  # as in the service, whose worker sets it
    holds = agreement.main(args.data, args.frames_per_clip, HERE / "results" / "agreement.csv")
    print("holds" if holds else f"does not hold: wanted {agreement.WANTED}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
