"""python -m training WHAT: from face crops to a registered, calibrated, measured model."""

from __future__ import annotations

import argparse
import dataclasses
import errno
import json
import sys
from pathlib import Path

from convert.errors import ConversionError
from models.registry import RegistryError
from server.errors import AppError
from training.data.crops import data_dir

INTERRUPTED = 130  # the usual exit status after Ctrl-C
RUNS = Path(__file__).resolve().parents[1] / "var" / "training"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=data_dir(), help="tars or a prepared folder; %(default)s"
    )
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train on the train part, watch the val part")
    train.add_argument("--recipe", default="meso3", help="of training/fit/own.py; %(default)s")
    train.add_argument("--epochs", type=int, default=8, help="%(default)s")
    train.add_argument("--seed", type=int)
    train.add_argument("--start", metavar="NAME|FILE.keras", help="start from its weights")
    train.add_argument("--note", default="", help="goes into training/results/runs.csv")
    train.add_argument("--out", type=Path, help="folder (default: var/training/RECIPE)")
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    train.add_argument(
        "--cooldown", type=int, default=0, metavar="STEPS", help="end that many steps from here"
    )
    train.set_defaults(run=_train)

    prepare = commands.add_parser("prepare", help="cut the faces out of videos and pictures")
    prepare.add_argument(
        "sources",
        nargs="+",
        type=Path,
        help="FaceForensics++ or DFDC tree, real/ fake/ tree, archive of crops",
    )
    prepare.add_argument("--out", type=Path, required=True, help="folder; goes on where it stopped")
    prepare.add_argument("--max-crops", type=int, default=24, help="of one clip")
    prepare.add_argument("--seed", type=int, default=0, help="of the split")
    prepare.set_defaults(run=_prepare)

    export = commands.add_parser("export", help="convert, calibrate and register a network")
    export.add_argument("network", type=Path, help="a .keras file that training wrote")
    export.set_defaults(run=_export)

    evaluate = commands.add_parser("evaluate", help="measure a model on labelled data")
    evaluate.add_argument("model", help="registered name, NAME:VARIANT, or .tflite or .keras file")
    evaluate.add_argument(
        "source", type=Path, help="archive, tree or prepared folder, as for prepare"
    )
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    evaluate.add_argument("--out", type=Path, metavar="FOLDER", help="write tables and plots here")
    evaluate.add_argument("--robustness", action="store_true", help="after JPEG, H.264, blur, ...")
    evaluate.add_argument("--compressed", action="store_true", help="verdicts by compression too")
    evaluate.set_defaults(run=_evaluate)

    spread = commands.add_parser("spread", help="how the scores of a clip's frames vary")
    spread.add_argument("model", help="as for evaluate")
    spread.add_argument("source", type=Path, help="as for evaluate; videos, or one crop of each")
    spread.set_defaults(run=_spread)

    calibrate = commands.add_parser("calibrate", help="fit probabilities and thresholds on val")
    calibrate.add_argument("model", nargs="?", default="meso3")
    calibrate.set_defaults(run=_calibrate)

    lr = commands.add_parser("lr", help="fit likelihood ratios of people and their bounds on val")
    lr.add_argument("model", nargs="?", default="meso3")
    lr.add_argument("--out", type=Path, metavar="FOLDER", help="write its table and plot here")
    lr.set_defaults(run=_lr)

    report = commands.add_parser("report", help="measure a registered model and write its card")
    report.add_argument("model", nargs="?", default="meso3")
    report.set_defaults(run=_report)

    evidence = commands.add_parser("evidence", help="do maps of the face say where it was changed?")
    evidence.add_argument("model", nargs="?", default="meso3")
    evidence.add_argument("--count", type=int, default=200, help="pictures (default: %(default)s)")
    first = evidence.add_mutually_exclusive_group()
    first.add_argument("--fit", action="store_true", help="train a mask head for it first")
    first.add_argument("--map", type=Path, metavar="FILE.keras", help="register this map first")
    evidence.set_defaults(run=_evidence)

    stability = commands.add_parser("stability", help="right labels lost as unstable, on val")
    stability.add_argument("model", nargs="?", default="meso3")
    stability.set_defaults(run=_stability)

    reencode = commands.add_parser("reencode", help="is a clip judged alike once encoded anew?")
    reencode.add_argument("model", help="registered name")
    reencode.add_argument("sources", nargs="+", type=Path, help="videos, or folders of them")
    reencode.add_argument("--seconds", type=float, metavar="S", help="only the first of each")
    reencode.add_argument("--out", type=Path, metavar="FILE.csv", help="write the table here")
    reencode.set_defaults(run=_reencode)

    mesh = commands.add_parser("forgery-mesh", help="get the network that finds 468 points")
    mesh.set_defaults(run=_forgery_mesh)

    faces = commands.add_parser("forgery-faces", help="find the faces that fakes are made of")
    faces.add_argument("sources", nargs="+", type=Path, help="tars or folders of face crops")
    faces.set_defaults(run=_forgery_faces)

    examples = commands.add_parser("forgery-examples", help="a page of fakes of our own")
    examples.add_argument("--out", type=Path, required=True, help="folder; a page and its pictures")
    examples.add_argument("--source", type=Path, help="face crops; two portraits if not given")
    examples.add_argument("--count", type=int, default=12, help="of each kind; %(default)s")
    examples.set_defaults(run=_forgery_examples)

    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except (ValueError, RegistryError, ConversionError, AppError) as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: {_sentence(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped; what was written is kept", file=sys.stderr)
        return INTERRUPTED
    return 1


def _sentence(error: OSError) -> str:
    """What the system could not do, and with which file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk is full{f' ({error.filename})' if error.filename else ''}: make space and "
            "start again (`train` with --resume); what was written whole is kept"
        )
    named = error.filename and error.strerror
    return f"{error.filename}: {error.strerror}" if named else str(error)


def _train(args: argparse.Namespace) -> int:
    from training.fit.own import RECIPES, Plan, parts, train

    if args.recipe not in RECIPES:
        parts(args.data)  # faults of the data come first: they take longer to mend
        raise ValueError(f"no recipe called {args.recipe}; known: {', '.join(RECIPES)}")
    recipe = RECIPES[args.recipe]
    if args.seed is not None:
        recipe = dataclasses.replace(recipe, seed=args.seed)
    plan = Plan(args.recipe, args.epochs, args.cooldown, args.start, args.note)
    out = args.out or RUNS / args.recipe
    print(f"written to {train(recipe, plan, out, args.data, args.resume)}")
    return 0


def _export(args: argparse.Namespace) -> int:
    from training.card.export import export

    for variant, facts in export(args.network, args.data).items():
        print(f"{variant:<8} " + "  ".join(f"{name} {value}" for name, value in facts.items()))
    return 0


def _prepare(args: argparse.Namespace) -> int:
    from training.data.prepare import prepare

    done = prepare(args.sources, args.out, args.max_crops, args.seed)
    print(f"{done.crops} crops of {done.clips} clips in {args.out}; {len(done.skipped)} skipped")
    for part, counts in done.parts.items():
        print(f"  {part}: {counts['real']} real, {counts['fake']} fake")
    for name, why in done.skipped.items():
        print(f"  {name}: {why}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from training.evaluate import measured
    from training.evaluate.model import load

    model = load(args.model)
    for folder in filter(None, (args.out, args.json and args.json.parent)):
        folder.mkdir(parents=True, exist_ok=True)  # before work is spent
    chosen = measured.read(args.source, RUNS / "prepared")
    name = args.source.resolve().name
    result = measured.measure(model, name, chosen, args.robustness, args.compressed)
    print(measured.markdown(result))
    if args.json:
        args.json.write_text(
            json.dumps(measured.to_json(result), indent=1) + "\n", encoding="utf-8"
        )
    for path in measured.write(result, args.out) if args.out else ():
        print(f"written to {path}")
    return 0


def _spread(args: argparse.Namespace) -> int:
    from training.evaluate import measured, spread
    from training.evaluate.model import load
    from training.evaluate.scored import scored

    model = load(args.model)
    given = scored(model, measured.read(args.source, RUNS / "prepared"))
    for row in spread.rows(given):
        print(f"{row['measure']:<28} {row['value']:.3f}")
    return 0


def _calibrate(args: argparse.Namespace) -> int:
    from training.card.export import calibrate

    print(calibrate(args.model, args.data))
    return 0


def _lr(args: argparse.Namespace) -> int:
    from training.evaluate.likelihood import outcome
    from training.evaluate.likelihood.refit import refit

    found, sets = refit(args.model, args.data, RUNS / "prepared")
    for name, value in dataclasses.asdict(found).items():
        print(f"{name:<12} {value}")
    rows = outcome.table(sets, found)
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    for path in outcome.write(args.model, sets, found, rows, args.out or RUNS / "lr" / args.model):
        print(f"written to {path}")
    return 0


def _report(args: argparse.Namespace) -> int:
    from training.card.report import report

    print(f"written to {report(args.model, args.data)}")
    return 0


def _evidence(args: argparse.Namespace) -> int:
    from convert.network import load as load_network
    from training.evidence import maps

    if args.fit:
        print(f"written to {maps.fit(args.model, args.data)}")
    elif args.map:
        network = load_network(args.map)
        print(f"written to {maps.register(args.model, network, args.data)}")
    for (which, part), rows in maps.report(args.model, args.data, args.count).items():
        print(f"{which}, {part}")
        for row in rows:
            print("  ".join(f"{name} {value}" for name, value in dataclasses.asdict(row).items()))
    shown = maps.is_shown(args.model)
    print("its map is shown" if shown else "no map of it is shown")
    return 0


def _stability(args: argparse.Namespace) -> int:
    from training.evaluate.robustness import report_stability

    print(report_stability(args.model, args.data), end="")
    return 0


def _reencode(args: argparse.Namespace) -> int:
    from training.evaluate import reencoded

    found, clips = [], reencoded.clips_in(args.sources)
    for change in reencoded.changes(args.model, clips, args.seconds):
        found.append(change)
        before, after = change.before, change.after
        print(
            f"{change.clip}, {change.treatment}: support {before.place:+d} to {after.place:+d}, "
            f"{before.level} to {after.level}",
            flush=True,
        )
    for row in reencoded.table(found):
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        reencoded.write(args.model, found, args.out)
        print(f"written to {args.out}")
    return 0


def _forgery_mesh(args: argparse.Namespace) -> int:
    del args
    from training.forgery.mesh import fetch

    print(f"the network lies in {fetch()}")
    return 0


def _forgery_faces(args: argparse.Namespace) -> int:
    from training.data.crops import read
    from training.forgery.landmarks import prepare
    from training.forgery.reconstruction import reconstruct

    for source in args.sources:
        crops = read(source)
        faces = prepare(crops)
        print(f"{source.name}: {len(faces)} faces in {(~crops.fake).sum()} reals")
        reconstruct(faces)
    return 0


def _forgery_examples(args: argparse.Namespace) -> int:
    from training.data.crops import read
    from training.forgery import examples
    from training.forgery.landmarks import prepare

    faces = prepare(read(args.source)) if args.source else examples.public_faces()
    print(f"written to {examples.write(faces, args.out, args.count)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
