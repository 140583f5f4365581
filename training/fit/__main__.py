"""python -m training.fit WHAT: train a network with several heads, in legs; make one verdict of it.

python -m training.fit leg traces --minutes 60    a leg of it; again: the next one
python -m training.fit leg traces --without gan   a run apart, that never sees a kind
python -m training.fit combine meso3-full         one logit of all heads, by val pictures
python -m training export var/fit/verdict/meso3-full.keras
python -m training.fit across meso3-full          the table over all sets
python -m training.fit shortcuts traces           what gives reals and fakes away, by source
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from training.data.crops import data_dir
from training.fit import recipes

RUNS = Path(__file__).resolve().parents[2] / "var" / "fit"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.fit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=data_dir(), help="default: %(default)s")
    commands = parser.add_subparsers(dest="command", required=True)

    leg = commands.add_parser("leg", help="train for some minutes")
    leg.add_argument("recipe", choices=sorted(recipes.RECIPES))
    leg.add_argument("--minutes", type=float, default=60)
    leg.add_argument("--steps", type=int, help="in place of minutes, for --cooldown too")
    leg.add_argument("--every", type=float, default=8, help="minutes to a checkpoint")
    leg.add_argument("--threads", type=int, default=1, help="of the processor")
    leg.add_argument("--cooldown", type=float, default=0, help="the last minutes, to a rate of 0")
    leg.add_argument("--workers", type=int, default=0, help="processes that make pairs, for a GPU")
    leg.add_argument("--echoes", type=int, default=1, choices=range(1, 9), metavar="N",
                     help="batches cut from the same pairs, 1 to 8")  # fmt: skip
    leg.add_argument("--pairs", type=int, help="of a batch, in place of the recipe's")
    leg.add_argument("--rate", type=float, help="of learning, in place of the recipe's")
    leg.add_argument("--half", action="store_true", help="in half precision, for a GPU")
    leg.add_argument("--start", metavar="NAME|FILE.keras", help="instead of ImageNet's weights")
    leg.add_argument("--without", metavar="KIND", choices=sorted(recipes.LEFT_OUT),
                     help="a kind of fakes that it never sees: %(choices)s")  # fmt: skip
    leg.add_argument("--seed", type=int, help="of the draws, in place of the recipe's")
    leg.add_argument("--note", default="", help="goes into training/results/legs.csv")
    leg.set_defaults(run=_leg)

    combine = commands.add_parser("combine", help="one logit of the heads that were trained")
    combine.add_argument("model", choices=("meso3", "meso3-full"))
    combine.set_defaults(run=_combine)

    across = commands.add_parser("across", help="a registered model on every set, test parts too")
    across.add_argument("model", help="registered name, NAME:VARIANT, or a .tflite or .keras file")
    across.add_argument("--mirror", action="store_true", help="ask it of the mirror image too")
    across.set_defaults(run=_across)

    shortcuts = commands.add_parser("shortcuts", help="can a source be told apart without faces?")
    shortcuts.add_argument("recipe", choices=sorted(recipes.RECIPES))
    shortcuts.set_defaults(run=_shortcuts)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except (OSError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1


def _leg(args: argparse.Namespace) -> int:
    import keras

    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(args.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    from training.fit.interrupt import told_to_stop
    from training.fit.leg import Leg, run

    recipe = recipes.RECIPES[args.recipe]
    how = recipe.optimisation
    if args.half:
        how = replace(how, policy="mixed_float16")
    if args.rate:
        how = replace(how, learning_rate=args.rate)
    recipe = replace(recipe, optimisation=how)
    if args.pairs:
        recipe = replace(recipe, pairs=args.pairs)
    if args.seed is not None:
        recipe = replace(recipe, seed=args.seed)
    if args.without:
        recipe = recipes.left_out(recipe, args.without)
    out = RUNS / "-".join(str(part) for part in (args.recipe, args.without, args.seed) if part)
    note = args.note or out.name
    length = Leg(
        args.minutes,
        args.every,
        args.cooldown,
        args.start,
        note,
        args.workers,
        args.echoes,
        args.steps,
    )
    with told_to_stop() as told:
        path = run(recipe, length, out, args.data, lambda: bool(told))
    print(f"written to {path}")
    return 0


def _combine(args: argparse.Namespace) -> int:
    from training.fit import combine

    for path in combine.write(args.model, RUNS, args.data):
        print(f"written to {path}")
    return 0


def _shortcuts(args: argparse.Namespace) -> int:
    """Returns 1 if a source gives itself away."""
    from training.fit import leg, shortcuts

    recipe = recipes.RECIPES[args.recipe]
    found = {
        name: shortcuts.auc(source, recipe.views)
        for name, (source, _) in leg.sources(recipe, args.data).items()
    }
    for name, auc in found.items():
        print(f"{name:<24} AUC {auc:.3f}{'  too much' if auc > shortcuts.ALLOWED else ''}")
    return int(max(found.values()) > shortcuts.ALLOWED)


def _across(args: argparse.Namespace) -> int:
    from models import registry
    from training.evaluate import across
    from training.evaluate import model as evaluate

    model = evaluate.load(args.model)
    model = across.mirrored(model) if args.mirror else model
    rows = across.table(model, args.data, RUNS.parent / "training" / "prepared")
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    print(f"written to {across.write(model.name, rows)}")
    if args.mirror and args.model in registry.names():
        print(f"not seen: {', '.join(across.note_unseen(args.model)) or '-'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
