"""A seccomp filter: the system calls of py and no other.

Source: Linux, Documentation/userspace-api/seccomp_filter.rst. On an architecture that is not
listed there is no filter, and `available` is False.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import os
import platform
import re
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

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

CLONE3 = "clone3"  # its flags lie in memory, where no filter sees them
UNKNOWN = 463  # the first number that we know no call for; a C library then takes an older one

_MAP_SHARED, _MAP_ANONYMOUS, _MAP_GROWSDOWN, _MAP_HUGETLB = 0x1, 0x20, 0x100, 0x40000
_CLONE_THREAD = 0x10000
_CLONE_NAMESPACES = 0x7E020080  # mount, cgroup, uts, ipc, user, pid, net, time
_PR_SET_NAME, _PR_GET_NAME = 15, 16
_TCGETS, _TIOCGWINSZ, _FIONREAD, _FIONBIO = 0x5401, 0x5413, 0x541B, 0x5421
_FIONCLEX, _FIOCLEX = 0x5450, 0x5451
_MSG_FASTOPEN = 0x20000000  # connects while sending, past Landlock
_WHOLE = 0xFFFFFFFF

# name, number on x86-64, number on aarch64; a "-" where there is none.
_COMPUTING = """
    read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69
    pwritev 296 70, close 3 57, lseek 8 62, dup 32 23, dup2 33 -, dup3 292 24, open 2 -
    openat 257 56, stat 4 -, fstat 5 80, lstat 6 -, newfstatat 262 79, statx 332 291, access 21 -
    faccessat 269 48, faccessat2 439 439, readlink 89 -, readlinkat 267 78, getcwd 79 17
    getdents 78 -, getdents64 217 61, fadvise64 221 223, pipe 22 -, pipe2 293 59, poll 7 -
    ppoll 271 73, select 23 -, pselect6 270 72, epoll_create1 291 20, epoll_ctl 233 21
    epoll_wait 232 -, epoll_pwait 281 22, eventfd2 290 19
    munmap 11 215, mremap 25 216, mprotect 10 226, madvise 28 233, brk 12 214, mincore 27 232
    membarrier 324 283
    futex 202 98, set_robust_list 273 99, rseq 334 293, set_tid_address 218 96, sched_yield 24 124
    sched_getaffinity 204 123, sched_getparam 143 121, sched_getscheduler 145 120
    sched_get_priority_max 146 125, sched_get_priority_min 147 126, getcpu 309 168, exit 60 93
    exit_group 231 94, restart_syscall 219 128, rt_sigaction 13 134, rt_sigprocmask 14 135
    rt_sigreturn 15 139, sigaltstack 131 132
    gettid 186 178, getpid 39 172, getppid 110 173, getpgrp 111 -, getuid 102 174, geteuid 107 175
    getgid 104 176, getegid 108 177, getresuid 118 148, getresgid 120 150, getrlimit 97 163
    setrlimit 160 164, getrusage 98 165, times 100 153, uname 63 160, sysinfo 99 179
    arch_prctl 158 -
    clock_gettime 228 113, clock_getres 229 114, clock_nanosleep 230 115, nanosleep 35 101
    gettimeofday 96 169, time 201 -, getrandom 318 278, recvfrom 45 207
"""
_CONNECTING = """
    connect 42 203, getsockopt 55 209, setsockopt 54 208, getsockname 51 204, getpeername 52 205
    shutdown 48 210
"""
_WRITING = """
    flock 73 32, ftruncate 77 46, fsync 74 82, fdatasync 75 83, mkdir 83 -, mkdirat 258 34
    unlink 87 -, unlinkat 263 35, rename 82 -, renameat 264 38, renameat2 316 276, rmdir 84 -
    umask 95 166
"""
_CONDITIONAL = """
    clone 56 220, mmap 9 222, ioctl 16 29, fcntl 72 25, prctl 157 167, prlimit64 302 261
    tgkill 234 131, sendto 44 206, socket 41 198, clone3 435 435
"""


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
        _step(_IF_AT_LEAST, UNKNOWN, 0, 1),
        _step(_RETURN, _MISSING),
        _step(_IF_EQUAL, clone3(machine), 0, 1),
        _step(_RETURN, _MISSING),  # so that threads are started by clone
    ]
    for number in free(machine, tcp, writes):
        steps += [_step(_IF_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    for number, conditions in conditional(machine, tcp).items():
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


# Which calls ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    """The argument at `index`, as far as `mask` covers it, is one of `values`.

    A filter sees the low half of an argument; the kernel reads no more of these.
    """

    index: int
    values: tuple[int, ...]
    mask: int = _WHOLE


def free(machine: str, tcp: bool, writes: bool) -> list[int]:
    """The numbers of the calls that are allowed whatever their arguments are."""
    wanted = (_COMPUTING, _CONNECTING if tcp else "", _WRITING if writes else "")
    return sorted(numbers("".join(wanted), machine).values())


def conditional(machine: str, tcp: bool) -> dict[int, tuple[Condition, ...]]:
    """By number, the calls that are allowed if all conditions hold; `tcp`: IPv4 streams too."""
    number = numbers(_CONDITIONAL, machine)
    conditions = _conditions(os.getpid()) | (_SOCKET if tcp else {})
    return {number[name]: each for name, each in conditions.items()}


def clone3(machine: str) -> int:
    return numbers(_CONDITIONAL, machine)[CLONE3]


@functools.cache
def numbers(text: str, machine: str) -> dict[str, int]:
    """The calls of a table that `machine` has, by name."""
    column = {"x86_64": 1, "aarch64": 2}[machine]
    rows = [row.split() for row in re.split(r"[,\n]", text) if row.strip()]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


_SOCKET = {
    "socket": (
        Condition(0, (socket.AF_INET,)),
        Condition(1, (socket.SOCK_STREAM,), 0xF),  # without SOCK_CLOEXEC and SOCK_NONBLOCK
        Condition(2, (0, socket.IPPROTO_TCP)),  # MPTCP and SMC connect past Landlock's TCP rule
    )
}


def _conditions(pid: int) -> dict[str, tuple[Condition, ...]]:
    """For a process whose number is `pid`: it keeps it, as it starts no other."""
    locks = (fcntl.F_GETLK, fcntl.F_SETLK, fcntl.F_SETLKW)
    states = (fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_SETFL)
    return {
        "clone": (Condition(0, (_CLONE_THREAD,), _CLONE_THREAD | _CLONE_NAMESPACES),),
        "mmap": (  # neither counts as data, which is what is limited
            Condition(3, (0,), _MAP_GROWSDOWN | _MAP_HUGETLB),
            Condition(3, (0, _MAP_SHARED, _MAP_ANONYMOUS), _MAP_SHARED | _MAP_ANONYMOUS),
        ),
        "ioctl": (Condition(1, (_TCGETS, _TIOCGWINSZ, _FIONREAD, _FIONBIO, _FIOCLEX, _FIONCLEX)),),
        # No F_SETOWN, by which another process can be sent signals.
        "fcntl": (Condition(1, (fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC, *states, *locks)),),
        "prctl": (Condition(0, (_PR_SET_NAME, _PR_GET_NAME)),),  # it cannot outlive its parent
        "prlimit64": (Condition(0, (0, pid)),),
        "tgkill": (Condition(0, (pid,)),),
        "sendto": (Condition(3, (0,), _MSG_FASTOPEN),),
    }
