"""The web process: gunicorn with our settings in place of its command line."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from server.config import ConfigError, Settings
from server.patience import SLOW_CLIENTS, PatientWorker

REQUEST_S = 60  # a web process that is stuck for longer is replaced


class PlainLogger(Logger):  # type: ignore[misc]
    """Gunicorn's messages through our own logging, in our own format."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]
    """The app behind a listening socket; run() returns by SystemExit."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options = {
            "bind": f"{host}:{settings.port}",
            "worker_class": PatientWorker,
            "workers": 1,
            "threads": settings.threads + SLOW_CLIENTS,
            "sendfile": False,  # it would bypass the limits for slow clients
            "timeout": REQUEST_S,
            "graceful_timeout": 5,
            "loglevel": "warning",
            "logger_class": PlainLogger,
            "control_socket_disable": True,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called in gunicorn's worker, so that nothing of the app is shared across the fork."""
        from server.api.service import of
        from server.app import create_app

        app = create_app(self._settings)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            _also(number, of(app).stopping.set)
        return app


def _also(number: signal.Signals, act: Callable[[], None]) -> None:
    """Have a signal do this before what it does already."""
    before = signal.getsignal(number)

    def handle(given: int, frame: FrameType | None) -> None:
        act()
        if callable(before):
            before(given, frame)

    signal.signal(number, handle)
    signal.siginterrupt(number, False)


def claim_port(settings: Settings) -> None:
    """Raise ConfigError if nobody can listen where the settings say."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "another program listens there" if taken else error.strerror
            raise ConfigError(
                f"cannot listen on {settings.host}:{settings.port}: {why}; stop it, or choose "
                f"another port, for example MESOSCOPE_PORT={settings.port % 65535 + 1}"
            ) from error
