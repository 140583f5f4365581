"""python -m convert WHAT: models in, TFLite files out, each proven to say the same."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from convert.errors import ConversionError
from convert.network import RANGES
from models.registry import WEIGHTS

PRECISIONS = {"none": "float32", "float16": "float16", "dynamic": "dynamic", "int8": "int8"}
MOST_CROPS = 512


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0, 1 failed or past the tolerance, 2 wrong usage."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except ConversionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m convert", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    mtcnn = commands.add_parser("mtcnn", help="the face detector, from the installed mtcnn package")
    mtcnn.add_argument("--out", type=Path, default=WEIGHTS, help="folder (default: %(default)s)")
    mtcnn.set_defaults(run=_mtcnn)

    keras = commands.add_parser("keras", help="an image classifier, from a .keras or .h5 file")
    keras.add_argument("model", type=Path)
    keras.add_argument(
        "--input-range", choices=RANGES, default="-1..1", help="of its pictures' values"
    )
    keras.add_argument(
        "--positive", choices=("fake", "real"), default="fake", help="what a high answer means"
    )
    _common(keras)
    keras.set_defaults(run=_keras)

    mesonet = commands.add_parser("mesonet", help="the weights that MesoNet's authors published")
    mesonet.add_argument("model", type=Path, metavar="weights", help="their .h5 file")
    mesonet.add_argument("--arch", choices=("meso4", "mesoinception4"), required=True)
    _common(mesonet)
    mesonet.set_defaults(run=_mesonet)

    browser = commands.add_parser("browser", help="the networks as the extension runs them")
    browser.add_argument("--out", type=Path, required=True, help="folder")
    browser.add_argument("--model", metavar="NAME", help="classifier (default: the one served)")
    browser.set_defaults(run=_browser)

    rules = commands.add_parser("rules", help="the constants that Python and the extension share")
    rules.set_defaults(run=_rules)

    inspect = commands.add_parser("inspect", help="inputs, outputs, operators, size, multiply-adds")
    inspect.add_argument("model", type=Path, help="a .tflite, .keras or .h5 file")
    inspect.set_defaults(run=_inspect)

    verify = commands.add_parser("verify", help="does a converted model say what its source says?")
    verify.add_argument("reference", type=Path, help="a .keras, .h5 or .tflite file")
    verify.add_argument("converted", type=Path, help="a .tflite file")
    verify.add_argument("data", type=Path, help="folder or tar of face crops, or a video")
    verify.add_argument("--input-range", choices=RANGES, default="-1..1", help="of the reference")
    verify.add_argument("--max-dp", type=float, default=0.25, help="default: %(default)s")
    verify.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    verify.set_defaults(run=_verify)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quantize", choices=PRECISIONS, default="dynamic")
    parser.add_argument(
        "--calibrate", type=Path, metavar="DATA", required=True,
        help="folder or tar of face crops (below real/ and fake/, if known), or a video: sets "
        "int8's ranges, and what the converted file is compared on",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path(), help="folder (default: this one)")
    parser.add_argument("--name", help="of the written file (default: the model's)")
    parser.add_argument("--register", metavar="NAME", help="make it a model that can be served")
    parser.add_argument("--licence", default="not stated", help="of the weights, for the card")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the comparison here too")


def _mtcnn(args: argparse.Namespace) -> int:
    from convert import mtcnn

    with _working("converting P-, R- and O-Net"):
        differences = mtcnn.convert(args.out)
    for name, worst in differences.items():
        print(f"{name}: largest difference from the package's network {worst:.1e}")
    print(f"written to {args.out}")
    return 0


def _keras(args: argparse.Namespace) -> int:
    from convert import network

    with _working("loading"):
        model = network.load(args.model)
    return _convert(args, model, args.input_range, args.positive)


def _mesonet(args: argparse.Namespace) -> int:
    from convert import mesonet

    with _working("reading the weights"):
        model = mesonet.read(args.model, args.arch)
    return _convert(args, model, "0..1", "real")


def _convert(args: argparse.Namespace, model: Any, input_range: Any, positive: Any) -> int:
    from convert import classifier, network, register, samples, verify

    if args.register:
        register.check_name(args.register)
    name = args.register or args.name or args.model.stem
    precision: Any = PRECISIONS[args.quantize]
    ours = network.as_classifier(model, input_range, name)
    side_px = int(ours.input_shape[1])
    with _working("reading the face crops"):
        data = samples.read(args.calibrate, side_px)
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / f"{name}-{precision}.tflite"
    reference = network.as_classifier(model, input_range, name)  # `ours` is corrected
    with _working(f"converting to {precision}"):
        classifier.write(ours, file, precision, data.crops)
    with _working("comparing"):
        report = verify.compare(
            reference.predict_on_batch, args.model, file, data, verify.TOLERANCES[precision]
        )
    _show(report, args.json)
    if report.misses:
        return 1
    source = register.Source(name, precision, side_px, positive, args.model.name, args.licence)
    print(f"written: {file} and {register.sidecar(file, source).name}")
    if args.register:
        register.register(file, reference, source, report)
        print(f"registered: MESOSCOPE_MODEL={name} make run")
    return 0


def _browser(args: argparse.Namespace) -> int:
    from convert import browser

    print(f"written: {browser.write(args.out, args.model)} and what it names")
    return 0


def _rules(_: argparse.Namespace) -> int:
    from convert import rules

    rules.FILE.write_text(rules.text())
    print(f"written: {rules.FILE}")
    return 0


def _inspect(args: argparse.Namespace) -> int:
    from convert import inspect

    inspect.show(inspect.inspect(args.model))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from convert import inspect, samples, verify

    side_px = inspect.inspect(args.converted).inputs[0].shape[1]
    with _working("reading the face crops"):
        data = samples.read(args.data, side_px, MOST_CROPS)
    with _working("comparing"):
        report = verify.verify(
            args.reference, args.converted, data, verify.Tolerance(args.max_dp), args.input_range
        )
    _show(report, args.json)
    return 1 if report.misses else 0


def _show(report: Any, file: Path | None) -> None:
    from convert import verify

    verify.show(report)
    if file:
        file.write_text(json.dumps(report.to_json(), indent=2) + "\n")


@contextmanager
def _working(what: str) -> Iterator[None]:
    """Show on a terminal that something goes on whose end nobody can foretell."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(what)
        yield


if __name__ == "__main__":
    sys.exit(main())
