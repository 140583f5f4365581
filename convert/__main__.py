"""python -m convert WHAT: models in, TFLite files out, each compared with what it was made from."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from convert.errors import ConversionError
from convert.quiet import quiet
from convert.ranges import RANGES
from models import registry

PRECISIONS = {"none": "float32", "float16": "float16", "dynamic": "dynamic", "int8": "int8"}
MOST_CROPS = 512


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 0, 1 failed or past the tolerance, 2 wrong usage."""
    # Before TensorFlow is imported; on another backend Keras has nothing that TFLite could convert.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may hold anything
    args = _parser().parse_args(_joined(sys.argv[1:] if argv is None else argv))
    try:
        return int(args.run(args))
    except (ConversionError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _joined(argv: list[str]) -> list[str]:
    """With `--input-range=-1..1` for `--input-range -1..1`, which argparse takes for an option."""
    option, joined = "--input-range", list[str]()
    for argument in argv:
        if joined[-1:] == [option]:
            joined[-1] = f"{option}={argument}"
        else:
            joined.append(argument)
    return joined


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m convert", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    mtcnn = commands.add_parser("mtcnn", help="the face detector, from the installed mtcnn package")
    mtcnn.add_argument(
        "--out", type=Path, default=registry.WEIGHTS, help="folder (default: %(default)s)"
    )
    mtcnn.set_defaults(run=_mtcnn)

    keras = commands.add_parser("keras", help="an image classifier, from a .keras or .h5 file")
    keras.add_argument("model", type=Path)
    keras.add_argument(
        "--input-range", choices=RANGES,
        help="of its pictures' values (default: as its own Rescaling or Normalization tells, "
        "else -1..1)",
    )  # fmt: skip
    keras.add_argument(
        "--input-px", type=int, metavar="PX", help="side of its pictures, if it takes any size"
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

    rules = commands.add_parser("rules", help="what Python and the extension share")
    rules.set_defaults(run=_rules)

    inspect = commands.add_parser("inspect", help="inputs, outputs, operators, size, multiply-adds")
    inspect.add_argument("model", type=Path, help="a .tflite, .keras or .h5 file")
    inspect.set_defaults(run=_inspect)

    verify = commands.add_parser("verify", help="compare a converted model with its source")
    verify.add_argument("reference", type=Path, help="a .keras, .h5 or .tflite file")
    verify.add_argument("converted", type=Path, help="a .tflite file")
    verify.add_argument("data", type=Path, help="folder or tar of face crops, or a video")
    verify.add_argument(
        "--input-range",
        choices=RANGES,
        help="of the reference (default: that of the .tflite.json)",
    )
    verify.add_argument("--max-dp", type=float, help="default: as after converting")
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
    with _working("converting P-, R- and O-Net"):
        from convert import mtcnn  # imports TensorFlow

        differences = mtcnn.convert(args.out)
    for name, worst in differences.items():
        print(f"{name}: largest difference from the package's network {worst:.1e}")
    print(f"written to {args.out}")
    return 0


def _keras(args: argparse.Namespace) -> int:
    from convert import network

    file = _file(args)
    with _working("loading"):
        ours = network.as_classifier(network.load(args.model), args.input_range, args.input_px)
        network.check_loss(args.model, ours)
    _show_form(ours, args.input_range)
    return _convert(args, file, ours, _source(args, file, ours, args.positive))


def _mesonet(args: argparse.Namespace) -> int:
    from convert import mesonet, network

    file = _file(args)
    with _working("reading the weights"):
        ours = network.as_classifier(mesonet.read(args.model, args.arch), mesonet.RANGE)
    return _convert(args, file, ours, _source(args, file, ours, mesonet.POSITIVE, args.arch))


def _file(args: argparse.Namespace) -> Path:
    """The file to write; raises ConversionError, before anything is computed, if it cannot be."""
    from convert import register, sidecar

    if args.register:
        register.check_name(args.register)
    name = args.register or args.name or args.model.stem
    if not name or Path(name).name != name:
        raise ConversionError(f"{name!r} is no name for a file; choose another with --name")
    if args.out.resolve() == registry.WEIGHTS.resolve():
        raise ConversionError(f"{args.out} holds what is registered; use --register NAME instead")
    precision = PRECISIONS[args.quantize]
    file = Path(args.out) / f"{name}-{precision}.tflite"
    written = [file, sidecar.path(file), *([args.json] if args.json else [])]
    if args.register:
        written += register.files(name, precision)
    for path in written:
        _check_writable(path)
    return file


def _check_writable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise ConversionError(f"{path} cannot be written: {error.strerror}") from error


def _show_form(ours: Any, stated: str | None) -> None:
    """What the model is taken for; no comparison tells if that is wrong."""
    if stated and ours.noticed not in (None, stated):
        why = f"as stated, but its own first layers expect {ours.noticed}"
    elif stated:
        why = "as stated"
    elif ours.noticed:
        why = "its own first layers expect that"
    else:
        why = "assumed; --input-range states another"
    print(f"pictures in {ours.input_range}: {why}", file=sys.stderr)
    print(f"answers with a {'probability' if ours.squashed else 'logit'}", file=sys.stderr)


def _source(
    args: argparse.Namespace, file: Path, ours: Any, positive: Any, arch: str | None = None
) -> Any:
    from convert import sidecar

    return sidecar.Source(
        name=args.register or file.stem,
        precision=PRECISIONS[args.quantize],
        input_px=int(ours.form.input_shape[1]),
        input_range=ours.input_range,
        positive_class=positive,
        source=args.model.name,
        source_sha256=registry.file_sha256(args.model),
        licence=args.licence,
        arch=arch,
    )


def _convert(args: argparse.Namespace, file: Path, ours: Any, source: Any) -> int:
    from convert import classifier, register, samples, sidecar, verify

    with _working("reading the face crops"):
        data = samples.read(args.calibrate, source.input_px)
    reference = verify.Reference(args.model, ours.probability, source.positive_class, ours.rounds)
    with TemporaryDirectory() as folder:
        made = Path(folder) / file.name
        with _working(f"converting to {source.precision}"):
            classifier.write(ours.form, made, source.precision, data.crops)
        with _working("comparing"):
            allowed = verify.tolerance(source.precision, reference)
            report = verify.compare(reference, made, data, allowed)
        _show(report, args.json)
        if report.misses:
            print(f"not written: {file}")
            return 1
        shutil.copyfile(made, file)
    print(f"written: {file} and {sidecar.write(file, source).name}")
    if args.register:
        is_new = register.register(file, ours.form, source, report)
        print(f"registered{'' if is_new else ' before'}: MESOSCOPE_MODEL={source.name} make run")
    return 0


def _browser(args: argparse.Namespace) -> int:
    from convert import browser

    with _working("writing the networks"):
        written = browser.write(args.out, args.model)
    print(f"written: {written} and what it names")
    return 0


def _rules(_: argparse.Namespace) -> int:
    from convert import rules

    for path, text in rules.texts().items():
        path.write_text(text, encoding="utf-8")
        print(f"written: {path}")
    return 0


def _inspect(args: argparse.Namespace) -> int:
    from convert import inspect

    with _working("reading the model"):
        found = inspect.inspect(args.model)
    inspect.show(found)
    return 0


def _verify(args: argparse.Namespace) -> int:
    from convert import samples, sidecar, verify

    side_px = verify.side_px(args.converted)
    known = sidecar.read(args.converted)
    if args.input_range:
        known = replace(known, input_range=args.input_range)
    if args.json:
        _check_writable(args.json)
    with _working("reading the face crops"):
        data = samples.read(args.data, side_px, MOST_CROPS)
    with _working("comparing"):
        report = verify.verify(args.reference, args.converted, data, known, args.max_dp)
    _show(report, args.json)
    return 1 if report.misses else 0


def _show(report: Any, file: Path | None) -> None:
    from convert import verify

    verify.show(report)
    if file:
        file.write_text(json.dumps(report.to_json(), indent=2) + "\n")


@contextmanager
def _working(what: str) -> Iterator[None]:
    """Show a spinner on a terminal during work of unknown length, and nothing of TensorFlow's."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with quiet() as terminal:
        console = Console(file=terminal)
        hidden = not console.is_terminal  # where it would end with an empty line
        with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
            progress.add_task(what)
            yield


if __name__ == "__main__":
    sys.exit(main())
