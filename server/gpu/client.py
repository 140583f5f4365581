"""The worker's end of the process that runs the full networks, where there is a GPU for it."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import select
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from server.config import PREFIX, ConfigError, Settings
from server.gpu import MEMORY_BYTES, PACKET_BYTES, device

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "server.gpu.server")
AVAILABLE = hasattr(os, "memfd_create") and hasattr(socket, "send_fds")  # Linux
START_S = 120.0  # loading a framework and waking a GPU takes seconds, on a busy machine more
PAUSE_S = 60.0  # after it ended, before it is started again

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ends:
    """What a check is given: see channel.Channel."""

    connection: int
    memory: int

    def close(self) -> None:
        os.close(self.connection)
        os.close(self.memory)


def wanted(settings: Settings) -> bool:
    """Whether the networks are to run on Keras here. Loads no framework.

    Raises ConfigError if they must and cannot.
    """
    if settings.backend == "tflite":
        return False
    if settings.backend == "auto":
        return AVAILABLE and device.missing() is None and device.gpus() > 0
    if not AVAILABLE:
        raise ConfigError(f"{PREFIX}BACKEND=keras needs Linux; leave it auto")
    if package := device.missing():
        raise ConfigError(
            f"{PREFIX}BACKEND=keras needs {package}: start the service from .venv-gpu "
            "(`make .venv-gpu/.ready`), or .venv-dev where there is no GPU; or leave it auto"
        )
    return True


class NetworksProcess:
    """One process and the channels to it. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        """Starts it; checks run on TFLite until `wait` or a later `connect` finds it ready."""
        self._settings = settings
        self._lock = threading.Lock()
        self._start()

    @property
    def ready(self) -> bool:
        """Whether checks can be connected to it."""
        return self._device is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, seconds: float = START_S) -> None:
        """Until it is ready, has failed or finds no GPU, or the time is up."""
        with self._lock:
            self._hear(seconds)
            if not self._heard:
                log.warning("the process of the networks is slow; checks run on TFLite until then")

    def connect(self) -> Ends | None:
        """A channel for a check; None if the process is away: the check then runs on TFLite."""
        with self._lock:
            if self._process.poll() is not None and time.monotonic() > self._again_at:
                log.warning("the process of the networks has ended; it is started again")
                self._control.close()
                self._start()
            self._hear(0)
            return self._channel() if self.ready else None

    def close(self) -> None:
        self._control.close()
        self._process.kill()
        self._process.wait()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._device: str | None = None
        self._heard = False
        self._again_at = time.monotonic() + PAUSE_S
        # Our settings hold secrets that it has no use for; the framework's own it may need.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
        arguments = (theirs.fileno(), os.getpid(), self._settings.gpu_memory)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [*COMMAND, *map(str, arguments), self._settings.log_format],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def _hear(self, seconds: float) -> None:
        """Keep the networks' answer, once the process has written it."""
        if self._heard or not select.select([self._control], [], [], seconds)[0]:
            return
        self._heard = True
        try:
            found = str(json.loads(self._control.recv(PACKET_BYTES))["device"])
        except (OSError, ValueError, KeyError):
            self._process.kill()
            self._process.wait()
            log.warning("the process of the networks ended early; checks run on TFLite")
            return
        if found != "gpu" and self._settings.backend == "auto":
            log.warning("%s finds no GPU that it can use; checks run on TFLite", device.backend())
            self._process.kill()
            self._process.wait()
            self._again_at = float("inf")
            return
        self._device = found
        log.info("the networks run on Keras with %s on the %s", device.backend(), found.upper())

    def _channel(self) -> Ends | None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        memory = os.memfd_create("mesoscope", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(memory, MEMORY_BYTES)
        # A check that made it shorter would kill the process that looks into it.
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, seals)
        with theirs:
            try:
                socket.send_fds(self._control, [b"channel"], [theirs.fileno(), memory])
            except OSError as error:
                log.warning("no channel to the networks, so this check runs on TFLite: %s", error)
                ours.close()
                os.close(memory)
                return None
        return Ends(ours.detach(), memory)
