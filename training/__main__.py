"""python -m training WHAT: from face crops to a registered, calibrated, measured model."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from models.registry import RegistryError
from training.crops import data_dir

RUNS = Path(__file__).resolve().parents[1] / "var" / "training"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--data", type=Path, default=data_dir(), help="default: %(default)s")
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train on the train part, watch the val part")
    train.add_argument("--model", default="meso3", choices=("meso3", "meso4", "mesoinception4"))
    train.add_argument("--epochs", type=int)
    train.add_argument("--seed", type=int)
    train.add_argument("--note", default="", help="goes into training/results/runs.csv")
    train.add_argument("--out", type=Path, help="folder (default: var/training/MODEL)")
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    train.set_defaults(run=_train)

    export = commands.add_parser("export", help="convert, calibrate and register a network")
    export.add_argument("network", type=Path, help="a .keras file that training wrote")
    export.set_defaults(run=_export)

    evaluate = commands.add_parser("evaluate", help="measure a model on labelled crops")
    evaluate.add_argument("model", help="registered name, NAME:VARIANT, or .tflite or .keras file")
    evaluate.add_argument("crops", type=Path, help="tar or folder with real/ and fake/ images")
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    evaluate.set_defaults(run=_evaluate)

    calibrate = commands.add_parser("calibrate", help="fit probabilities and thresholds on val")
    calibrate.add_argument("model", nargs="?", default="meso3")
    calibrate.set_defaults(run=_calibrate)

    report = commands.add_parser("report", help="measure a registered model and write its card")
    report.add_argument("model", nargs="?", default="meso3")
    report.set_defaults(run=_report)

    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except (FileNotFoundError, ValueError, RegistryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _train(args: argparse.Namespace) -> int:
    from training.train import Config, train

    given = {name: getattr(args, name) for name in ("model", "epochs", "seed", "note")}
    config = Config(**{name: value for name, value in given.items() if value is not None})
    print(f"written to {train(config, args.out or RUNS / args.model, args.data, args.resume)}")
    return 0


def _export(args: argparse.Namespace) -> int:
    from training.export import export

    for variant, facts in export(args.network, args.data).items():
        print(f"{variant:<8} " + "  ".join(f"{name} {value}" for name, value in facts.items()))
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from training import crops, evaluate

    result = evaluate.evaluate(evaluate.load(args.model), crops.read(args.crops))
    print(evaluate.table(result))
    if args.json:
        args.json.write_text(json.dumps(dataclasses.asdict(result), indent=2) + "\n")
    return 0


def _calibrate(args: argparse.Namespace) -> int:
    from training.calibrate import calibrate

    print(calibrate(args.model, args.data))
    return 0


def _report(args: argparse.Namespace) -> int:
    from training.card import report

    print(f"written to {report(args.model, args.data)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
