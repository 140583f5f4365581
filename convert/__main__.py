"""python -m convert WHAT: write the files that the service runs, checked against their source."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from models.registry import WEIGHTS


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m convert", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    mtcnn = commands.add_parser("mtcnn", help="the face detector, from the installed mtcnn package")
    mtcnn.add_argument("--out", type=Path, default=WEIGHTS, help="folder (default: %(default)s)")
    mtcnn.set_defaults(run=_mtcnn)

    keras = commands.add_parser("keras", help="a trained classifier, from its .keras file")
    keras.add_argument("network", type=Path)
    keras.add_argument("--samples", type=Path, required=True, help="folder of face crops for int8")
    keras.add_argument("--out", type=Path, default=Path(), help="folder (default: this one)")
    keras.set_defaults(run=_keras)

    args = parser.parse_args(argv)
    return int(args.run(args))


def _mtcnn(args: argparse.Namespace) -> int:
    from convert import mtcnn

    try:
        differences = mtcnn.convert(args.out)
    except mtcnn.ConversionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, worst in differences.items():
        print(f"{name}: largest difference from the package's network {worst:.1e}")
    print(f"written to {args.out}")
    return 0


def _keras(args: argparse.Namespace) -> int:
    from convert import classifier

    try:
        crops = classifier.read_crops(args.samples, classifier.load(args.network).input_shape[1])
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    files = classifier.convert(args.network, args.out, crops)
    worst = classifier.parity(args.network, list(files.values()), crops)
    for path, difference in zip(files.values(), worst, strict=True):
        print(f"{path}: P(fake) differs by at most {difference:.1e} from the Keras model's")
    return 0


if __name__ == "__main__":
    sys.exit(main())
