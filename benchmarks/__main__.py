"""python -m benchmarks WHAT: measure us, some beside the named peers; writes results/WHAT.csv."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from benchmarks import options

# Each has a module with `Options`, its command line, and `main(Options)`, whose False is status 1.
COMMANDS = {
    "agreement": ("agreement", "our faces against the mtcnn package's"),
    "backends": ("backends", "do Keras and TFLite answer alike?"),
    "before": ("before", "a check's time beside an earlier commit's"),
    "browser": ("browser", "the networks in the browser, beside TFLite"),
    "classifier": ("classifier", "judging crops, beside Keras predict"),
    "click": ("click.run", "from a click in the browser to boxes and verdict"),
    "cost": ("cost", "a check's cost by resolution, faces and length"),
    "decode": ("decode", "reading a video, beside OpenCV and PyAV"),
    "detector": ("detector", "finding faces, beside two packages"),
    "drill": ("drill.command", "kill everything at random; is a check ever lost?"),
    "gpu": ("gpu", "faces and frames a second on the GPU and beside it"),
    "labels": ("labels", "does the slow and sure way say the same?"),
    "many": ("many", "many checks at once, beside one after the other"),
    "peers": ("peers.environments", "make the environments that peers need"),
    "pipeline": ("pipeline", "a whole check, beside what is usually built"),
    "precision": ("precision", "what 16-bit floats do to the full networks"),
    "queue": ("queue", "checks a second through the queue; two machines"),
    "roofline": ("roofline", "results beside what this core could do"),
    "startup": ("startup", "from start to first answer, and memory"),
}


def main(argv: list[str] | None = None) -> int:
    asked = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="WHAT")
    benchmark = None
    for name, (module, says) in COMMANDS.items():
        command = commands.add_parser(name, help=says)
        if asked[:1] == [name]:  # only this one is loaded: others may need what is not installed
            benchmark = import_module(f"benchmarks.{module}")
            options.add(command, benchmark.Options)
    given = vars(parser.parse_args(asked))
    del given["command"]
    assert benchmark is not None  # or parse_args would have ended it
    try:
        return int(benchmark.main(benchmark.Options(**given)) is False)
    except options.Missing as missing:
        print(missing)
        return 1


if __name__ == "__main__":
    sys.exit(main())
