"""A seccomp filter: the system calls of system_calls.py and no other.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst. On an architecture that is not
listed there is no filter, and `available` says so.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Sequence

from server.processes import system_calls
from server.processes.system_calls import Condition

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_GET_ACTION_AVAIL = 2
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000  # with the error's number
_REFUSE, _MISSING = _FAIL | errno.EPERM, _FAIL | errno.ENOSYS

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST = 0x15, 0x35
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # x86-64's second table; its numbers begin here
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP = {"x86_64": 317, "aarch64": 277}


def available() -> bool:
    """Whether this kernel takes a filter and we know its architecture's numbers."""
    number = _SECCOMP.get(platform.machine())
    if sys.platform != "linux" or number is None or struct.calcsize("P") != 8:
        return False
    action = ctypes.c_uint32(_FAIL)
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(
        libc.syscall(ctypes.c_long(number), _GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0
    )


def restrict(tcp: bool, writes: bool = False) -> None:
    """Filter this thread's calls, and those of all that it starts. Needs no_new_privs.

    tcp: whether IPv4 stream sockets stay possible; no other kind does. writes: whether files can be
    renamed, removed and cut. Raises OSError.
    """
    program = _program(platform.machine(), tcp, writes)
    count = len(program) // 8
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", count, ctypes.addressof(code))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), header, 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, f"seccomp: {os.strerror(error)}")


def _program(machine: str, tcp: bool, writes: bool) -> bytes:
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_IF_EQUAL, _ARCHITECTURES[machine], 1, 0),
        _step(_RETURN, _REFUSE),
        _step(_LOAD, _NUMBER),
        _step(_IF_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, _REFUSE),
        _step(_IF_AT_LEAST, system_calls.UNKNOWN, 0, 1),
        _step(_RETURN, _MISSING),
        _step(_IF_EQUAL, system_calls.clone3(machine), 0, 1),
        _step(_RETURN, _MISSING),  # so that threads are started by clone
    ]
    for number in system_calls.free(machine, tcp, writes):
        steps += [_step(_IF_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    for number, conditions in system_calls.conditional(machine, tcp).items():
        judged = [step for condition in conditions for step in _judged(condition)]
        judged.append(_step(_RETURN, _ALLOW))
        steps += [_step(_IF_EQUAL, number, 0, len(judged)), *judged]
    return b"".join([*steps, _step(_RETURN, _REFUSE)])


def _judged(condition: Condition) -> Sequence[bytes]:
    """Refuse unless the condition holds; go on after these steps if it does."""
    low_half = _ARGUMENTS + 8 * condition.index  # both machines are little-endian
    tests = [
        _step(_IF_EQUAL, value, left, 0)
        for left, value in zip(range(len(condition.values), 0, -1), condition.values, strict=True)
    ]
    return [
        _step(_LOAD, low_half),
        _step(_AND, condition.mask),
        *tests,
        _step(_RETURN, _REFUSE),
    ]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
