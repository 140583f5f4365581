"""Standard error without what native libraries write there past Python: TensorFlow writes much."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TextIO


@contextmanager
def quiet() -> Iterator[TextIO]:
    """Gives the stream that is `sys.stderr` meanwhile: where standard error went before.

    What is written to descriptor 2 itself, here or in a child, is dropped.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)  # its warnings are to TensorFlow's authors
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w", errors="backslashreplace", buffering=1) as terminal:
        ours = terminal if sys.stderr is sys.__stderr__ else sys.stderr
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            with redirect_stderr(ours):
                yield ours
        finally:
            os.dup2(terminal.fileno(), 2)
