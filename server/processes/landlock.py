"""Landlock by its system calls: which files a process may touch and which ports it may call.

Source: Linux, Documentation/userspace-api/landlock.rst. The numbers of the three system calls are
the same on every architecture.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_PATH_BENEATH, _NET_PORT = 1, 2

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV  # the rest is for folders
_CONNECT_TCP = 1 << 1
_NET_ALL = 0b11  # bind and connect
_SCOPE_ALL = 0b11  # abstract unix sockets, and signals to others


def abi() -> int:
    """The kernel's Landlock version; 0 where it has none or has it switched off."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE, None, ctypes.c_size_t(0), 1)))


def restrict(readable: Sequence[Path], writable: Sequence[Path], tcp_ports: Sequence[int]) -> None:
    """Bind this thread, and all that it starts, to these paths and ports.

    A port is allowed at any address; no rule is finer. Needs no_new_privs. Paths that do not
    exist are passed over. Raises OSError.
    """
    version = abi()
    files = _rights(version)
    network = _NET_ALL if version >= 4 else 0
    scopes = _SCOPE_ALL if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("QQQ", files, network, scopes)[:size]
    ruleset = _call(_CREATE, attributes, ctypes.c_size_t(size), 0)
    try:
        for path in readable:
            _allow_path(ruleset, path, files & (_READ_FILE | _READ_DIR))
        for path in writable:
            _allow_path(ruleset, path, files & ~_EXECUTE)
        for port in tcp_ports if network else ():
            _call(_ADD_RULE, ruleset, _NET_PORT, struct.pack("QQ", _CONNECT_TCP, port), 0)
        _call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _rights(version: int) -> int:
    """Every file right that this version can withhold; what it cannot is not in our hands."""
    bits = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    return (1 << bits) - 1


def _allow_path(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _ON_FILES
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, handle), 0)
    finally:
        os.close(handle)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"landlock: {os.strerror(error)}")
    return result
