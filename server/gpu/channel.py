"""A check's channel to the process that runs the full networks, for many checks at once.

The numbers lie in memory that both ends share; a packet names the network they are for and which
shape they have. Nothing that could be code crosses it, in either direction.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import socket
import threading
from typing import Any

import numpy as np

from server.analysis.records import Float32
from server.analysis.runtimes.base import RuntimeFailed
from server.gpu import MEMORY_BYTES, PACKET_BYTES

ANSWER_S = 120.0  # a new shape may have to be compiled first


class Channel:
    """Made before the check gives up opening files; from then on it only sends and receives.

    A check's threads take turns.
    """

    def __init__(self, connection: int, memory: int) -> None:
        """The descriptors of a connected socket and of MEMORY_BYTES of shared memory, ours now."""
        self._connection = socket.socket(fileno=connection)
        self._connection.settimeout(ANSWER_S)
        self._values = np.frombuffer(mmap.mmap(memory, MEMORY_BYTES), np.float32)
        os.close(memory)
        self._lock = threading.Lock()

    def open(self, network: str) -> Remote:
        """See base.Networks; whether the network is there shows when it runs."""
        return Remote(self, network)

    def close(self) -> None:
        self._connection.close()

    def ask(self, network: str, batch: Float32) -> Float32:
        """The network's answer to a batch that fits into the memory. Raises RuntimeFailed."""
        question = json.dumps({"network": network, "shape": batch.shape})
        with self._lock:
            self._values[: batch.size] = batch.ravel()
            try:
                self._connection.send(question.encode())
                packet = self._connection.recv(PACKET_BYTES)
            except OSError as error:
                self._connection.close()  # or a late answer would be taken for the next one's
                raise RuntimeFailed(f"the process of the networks is silent: {error}") from error
            ended = {"error": "the process of the networks has ended"}
            answer: dict[str, Any] = json.loads(packet) if packet else ended
            if "error" in answer:
                raise RuntimeFailed(str(answer["error"]))
            shape = answer["shape"]
            return self._values[: math.prod(shape)].reshape(shape).copy()


class Remote:
    """One network at the other end of a channel."""

    name = "keras"

    def __init__(self, channel: Channel, network: str) -> None:
        self._channel = channel
        self._network = network

    def run(self, batch: Float32) -> Float32:
        """See base.Runtime; any number of inputs, none too. Raises RuntimeFailed."""
        most = MEMORY_BYTES // max(1, 4 * math.prod(batch.shape[1:]))
        if most == 0:
            raise RuntimeFailed(f"inputs of {batch.shape[1:]} are too large")
        starts = range(0, max(1, len(batch)), most)
        parts = [self._channel.ask(self._network, batch[start : start + most]) for start in starts]
        return np.concatenate(parts)
