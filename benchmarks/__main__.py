"""python -m benchmarks WHAT: compare with the named peers; writes benchmarks/results/WHAT.csv."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    data = Path(os.environ.get("MESOSCOPE_DATA", HERE.parents[1] / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data, help="default: MESOSCOPE_DATA")
    commands = parser.add_subparsers(dest="command", required=True)

    agreement = commands.add_parser("agreement", help="our faces against the mtcnn package's")
    agreement.add_argument("--frames-per-clip", type=int, default=4)
    agreement.set_defaults(run=_agreement)

    args = parser.parse_args(argv)
    if not (args.data / "manifest.csv").is_file():
        parser.error(f"no data in {args.data}; say where it is with MESOSCOPE_DATA or --data")
    return int(args.run(args))


def _agreement(args: argparse.Namespace) -> int:
    import cv2

    from benchmarks import agreement

    cv2.setNumThreads(1)  # as in the service, whose worker sets it
    holds = agreement.main(args.data, args.frames_per_clip, HERE / "results" / "agreement.csv")
    print("holds" if holds else f"does not hold: wanted {agreement.WANTED}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
