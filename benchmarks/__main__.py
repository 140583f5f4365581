"""python -m benchmarks WHAT: measure us, some beside the named peers; writes results/WHAT.csv."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
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

    backends = commands.add_parser("backends", help="does Keras say what TFLite says?")
    backends.add_argument("--clips", nargs="+", metavar="NAME", help="default: all")
    backends.add_argument("--samples-per-s", type=float, default=1.0)
    backends.add_argument("--results", type=Path, help="default: none is written")
    backends.set_defaults(run=_backends)

    gpu = commands.add_parser("gpu", help="faces and frames a second on the GPU and beside it")
    gpu.add_argument("--results", type=Path, help="default: none is written")
    gpu.set_defaults(run=_gpu)

    args = parser.parse_args(argv)
    return int(args.run(args))


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


def _gpu(args: argparse.Namespace) -> int:
    from benchmarks import gpu

    return 0 if gpu.main(args.results) else 1


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
