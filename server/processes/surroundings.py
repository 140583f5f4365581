"""What a process that reads strangers' media is started with: an environment, and where it logs."""

from __future__ import annotations

import logging
import os
import sys

from server.processes.check_main import ENVIRONMENT

LOG_BYTES = 64 * 1024  # one child may write
READ_BYTES = 1 << 14

log = logging.getLogger(__name__)


def environment() -> dict[str, str]:
    """Nothing of ours: its own libraries' settings, and no folder where something could be found.

    What it knows, its answer can carry out: passwords of databases and clouds, names of people.
    """
    given = ENVIRONMENT | {
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PATH": "/nonexistent",
        "YTDLP_NO_PLUGINS": "1",
    }
    if "LD_LIBRARY_PATH" in os.environ:  # some Pythons do not start without it
        given["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return given


class Log:
    """A pipe in place of our standard error, which may be a terminal that somebody types at.

    What comes is passed on printable, line by line, and up to LOG_BYTES.
    """

    def __init__(self) -> None:
        self.output, self.input = os.pipe()
        os.set_blocking(self.output, False)
        self._left = LOG_BYTES
        self._pending = ""

    def hand_over(self) -> None:
        """Keep no end to write to: the child has it now."""
        os.close(self.input)
        self.input = -1

    def pass_on(self) -> bool:
        """Write what has come to our own log; False once no more can come."""
        try:
            block = os.read(self.output, READ_BYTES)
        except BlockingIOError:
            return True
        kept = block[: self._left]
        if len(kept) < len(block) and self._left:
            log.warning("a child logged more than %d bytes; the rest is dropped", LOG_BYTES)
        self._left -= len(kept)
        *lines, self._pending = (self._pending + kept.decode(errors="replace")).split("\n")
        _write(lines)
        return bool(block)

    def close(self) -> None:
        """Pass on the rest, without waiting: what holds the pipe open may be alive."""
        if self.input >= 0:
            self.hand_over()
        before = -1
        while self._left != before:
            before = self._left
            self.pass_on()
        _write([self._pending] if self._pending else [])
        os.close(self.output)


def _write(lines: list[str]) -> None:
    shown = ["".join(sign if sign.isprintable() else "?" for sign in line) for line in lines]
    if shown:
        sys.stderr.write("\n".join(shown) + "\n")
        sys.stderr.flush()
