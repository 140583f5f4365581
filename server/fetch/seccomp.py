"""A seccomp filter: no new programs, no sockets but TCP, none of the calls that escapes need.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst; the numbers are the kernel's system
call tables. On an architecture that is not listed there is no filter, and `available` says so.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
import sys
from dataclasses import dataclass

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_GET_ACTION_AVAIL = 2
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST, _IF_SET = 0x15, 0x35, 0x45
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # x86-64's second table; its numbers begin here
_MSG_FASTOPEN = 0x20000000  # connects while sending, past Landlock


@dataclass(frozen=True, slots=True)
class _Table:
    """One architecture's numbers; `refused` in the order of the names below."""

    architecture: int
    seccomp: int
    socket: int
    sending: tuple[tuple[int, int], ...]  # call, index of its flags argument
    refused: tuple[int, ...]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


# bind listen execve execveat ptrace process_vm_readv process_vm_writev pidfd_getfd unshare setns
# mount umount2 pivot_root chroot open_by_handle_at add_key request_key keyctl bpf perf_event_open
# userfaultfd io_uring_setup init_module finit_module delete_module kexec_load kexec_file_load
_TABLES = {
    "x86_64": _Table(
        0xC000003E,
        317,
        41,
        ((44, 3), (46, 2), (307, 3)),
        _numbers(
            "49 50 59 322 101 310 311 438 272 308 165 166 155 161 304 248 249 250 321 298 "
            "323 425 175 313 176 246 320"
        ),
    ),
    "aarch64": _Table(
        0xC00000B7,
        277,
        198,
        ((206, 3), (211, 2), (269, 3)),
        _numbers(
            "200 201 221 281 117 270 271 438 97 268 40 39 41 51 265 217 218 219 280 241 "
            "282 425 105 273 106 104 294"
        ),
    ),
}


def available() -> bool:
    """Whether this kernel takes a filter and we know its architecture's numbers."""
    table = _TABLES.get(platform.machine())
    if sys.platform != "linux" or table is None or struct.calcsize("P") != 8:
        return False
    action = ctypes.c_uint32(_REFUSE & 0xFFFF0000)
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(
        libc.syscall(ctypes.c_long(table.seccomp), _GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0
    )


def restrict(tcp: bool) -> None:
    """Filter this thread's calls, and those of all that it starts. Needs no_new_privs.

    tcp: whether IPv4 stream sockets stay possible; no other kind does. Raises OSError.
    """
    program = _program(_TABLES[platform.machine()], tcp)
    count = len(program) // 8
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", count, ctypes.addressof(code))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), header, 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, f"seccomp: {os.strerror(error)}")


def _program(table: _Table, tcp: bool) -> bytes:
    refused = table.refused if tcp else (table.socket, *table.refused)
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_IF_EQUAL, table.architecture, 1, 0),
        _step(_RETURN, _REFUSE),
        _step(_LOAD, _NUMBER),
        _step(_IF_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, _REFUSE),
    ]
    for call in refused:
        steps += [_step(_IF_EQUAL, call, 0, 1), _step(_RETURN, _REFUSE)]
    for call, flags in table.sending:
        steps += [
            _step(_IF_EQUAL, call, 0, 4),
            _argument(flags),
            _step(_IF_SET, _MSG_FASTOPEN, 0, 1),
            _step(_RETURN, _REFUSE),
            _step(_RETURN, _ALLOW),
        ]
    if tcp:
        steps += [
            _step(_IF_EQUAL, table.socket, 0, 7),
            _argument(0),
            _step(_IF_EQUAL, socket.AF_INET, 0, 3),
            _argument(1),
            _step(_AND, 0xF),  # the kind, without SOCK_CLOEXEC and SOCK_NONBLOCK
            _step(_IF_EQUAL, socket.SOCK_STREAM, 1, 0),
            _step(_RETURN, _REFUSE),
            _step(_RETURN, _ALLOW),
        ]
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _argument(index: int) -> bytes:
    return _step(_LOAD, _ARGUMENTS + 8 * index)  # its low half; both machines are little-endian


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
