"""One side of a comparison: a child that answers one timed call a request.

It times the call alone, so that neither pipes nor files are counted. It runs in a peer's own
environment too, so this imports nothing but the standard library and numpy.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

Call = Callable[[Any], Any]


def speaker() -> Callable[..., None]:
    """A function that prints its named arguments as one line of JSON.

    Libraries print what they like there; from now on that goes to standard error.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**answer: Any) -> None:
        answers.write(json.dumps(answer, default=_plain) + "\n")
        answers.flush()

    return say


def serve(make: Callable[..., Call], packages: tuple[str, ...]) -> None:
    """Answer until standard input ends.

    `make(**options)`, with the options that are the program's argument, gives the call. Requests
    are lines, each the JSON of a path: that of an array (.npy), which is loaded before the clock
    starts, or of any other file. Answers are lines of JSON: `seconds`, and what the call returned.
    """
    say = speaker()
    call = make(**json.loads(sys.argv[1]))
    say(versions={name: version(name) for name in packages})
    for line in sys.stdin:
        given = _load(Path(json.loads(line)))
        start = time.perf_counter()
        answer = call(given)
        seconds = time.perf_counter() - start
        say(seconds=seconds, answer=answer)


def _load(path: Path) -> Any:
    return np.load(path) if path.suffix == ".npy" else path


def _plain(value: Any) -> Any:
    return value.tolist()  # of numpy
