"""The process that runs the full networks: `python -m server.gpu.server SOCKET PARENT
GPU_MEMORY`.

One for each worker. It gathers what several checks ask within some milliseconds into one batch,
which is what makes a GPU worth its while. It reads numbers and never media, and needs what a check
may not have: the GPU's devices, threads, a compiler's files and programs. So it is not confined,
and the checks need nothing but a socket and some memory, opened before they were confined.

The worker sends `channel` with a socket and shared memory for each check; it gets
`{"device": ...}` once the networks are loaded.
"""

from __future__ import annotations

import json
import logging
import math
import mmap
import os
import re
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from server import logs
from server.analysis.records import Float32
from server.analysis.runtimes.base import RuntimeFailed
from server.errors import ModelError
from server.gpu import MEMORY_BYTES, PACKET_BYTES
from server.gpu.keras import KerasNetworks
from server.processes.sandbox import die_with

GATHER_S = 0.003
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")  # as convert.register gives them

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Client:
    """One check's end of a channel; see channel.Channel."""

    connection: socket.socket
    values: Float32


@dataclass(frozen=True, slots=True)
class Question:
    """What a check waits for: a batch of this shape lies at the start of its memory."""

    client: Client
    network: str
    shape: tuple[int, ...]

    @property
    def batch(self) -> Float32:
        """A view; the check could change it at any time."""
        return self.client.values[: math.prod(self.shape)].reshape(self.shape)


class BatchServer:
    """Takes questions and answers them, those for one network together."""

    def __init__(self, control: socket.socket, networks: KerasNetworks) -> None:
        self._control = control
        self._networks = networks
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._clients = 0

    def serve(self) -> None:
        """Until the worker hangs up."""
        while (questions := self._gathered()) is not None:
            for network in dict.fromkeys(question.network for question in questions):
                self._answer(network, [each for each in questions if each.network == network])
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                self._drop(key.data)
        self._selector.close()

    def _gathered(self) -> list[Question] | None:
        """At least one question: all that come until every check waits, or for GATHER_S."""
        found: list[Question] = []
        until = None
        while not found or (len(found) < self._clients and time.monotonic() < (until or 0)):
            wait_s = None if until is None else max(0.0, until - time.monotonic())
            for key, _ in self._selector.select(wait_s):
                if key.data is None:
                    if not self._welcome():
                        return None
                elif question := self._question(key.data):
                    found.append(question)
            if found and until is None:
                until = time.monotonic() + GATHER_S
        return found

    def _welcome(self) -> bool:
        """A new channel; False if the worker is gone."""
        packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES, 2)
        if not packet:
            return False
        connection = socket.socket(fileno=descriptors[0])
        connection.setblocking(False)
        values = np.frombuffer(mmap.mmap(descriptors[1], MEMORY_BYTES), np.float32)
        os.close(descriptors[1])
        self._selector.register(connection, selectors.EVENT_READ, Client(connection, values))
        self._clients += 1
        return True

    def _question(self, client: Client) -> Question | None:
        """The request of a check; None, and its channel is closed, if it ended or sent nonsense."""
        try:
            asked = json.loads(client.connection.recv(PACKET_BYTES))
            network, shape = str(asked["network"]), tuple(map(int, asked["shape"]))
            if not NAME.fullmatch(network):
                raise ValueError("no name of a network")
            if len(shape) != 4 or min(shape) < 0 or math.prod(shape) > client.values.size:
                raise ValueError("no batch of pictures")
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            self._drop(client)
            return None
        return Question(client, network, shape)

    def _drop(self, client: Client) -> None:
        self._selector.unregister(client.connection)
        client.connection.close()
        self._clients -= 1

    def _answer(self, network: str, questions: list[Question]) -> None:
        try:
            runtime = self._networks.open(network)
            if unfit := [each for each in questions if not runtime.fits(each.shape)]:
                for question in unfit:
                    self._say(question, error=f"{network} takes no {question.shape}")
                questions = [each for each in questions if each not in unfit]
            answers = runtime.run_all([each.batch for each in questions]) if questions else []
        except (ModelError, RuntimeFailed) as error:
            log.warning("%s", error)
            for question in questions:
                self._say(question, error=str(error))
            return
        for question, answer in zip(questions, answers, strict=True):
            question.client.values[: answer.size] = answer.ravel()
            self._say(question, shape=answer.shape)

    def _say(self, question: Question, **answer: object) -> None:
        with suppress(OSError):  # then the check has ended
            question.client.connection.send(json.dumps(answer).encode())


def main() -> None:
    """Serve until the worker hangs up."""
    descriptor, parent_pid = map(int, sys.argv[1:3])
    die_with(parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logs.configure(form=sys.argv[4])
    with socket.socket(fileno=descriptor) as control:
        try:
            with logs.silence():  # TensorFlow writes much there
                networks = KerasNetworks(float(sys.argv[3]))
        except ModelError as error:
            raise SystemExit(str(error)) from error
        control.send(json.dumps({"device": networks.device}).encode())
        BatchServer(control, networks).serve()


if __name__ == "__main__":
    main()
