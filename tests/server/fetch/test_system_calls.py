"""Each call that a confined process does not need, made by native code, and what it would do."""

from __future__ import annotations

import ctypes
import errno
import json
import platform
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.processes import landlock, seccomp
from server.processes.protocol import ROOT

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(not seccomp.available(), reason="no seccomp filter for this machine"),
]

# Has no capabilities, confines itself (or not), then makes each call and prints its outcome.
PROGRAM = """
import ctypes, json, os, struct, sys
from pathlib import Path
from server.processes import sandbox
from server.processes.sandbox import Confinement, confine
asked = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.shmat.restype = ctypes.c_void_p
libc.capset(struct.pack("Ii", sandbox.CAPABILITIES_3, 0), bytes(24))
folder = asked["folder"] and Path(asked["folder"])
if asked["confined"]:
    confine(Confinement(folder, asked["port"], memory_bytes=10**9), os.getppid())
def native(result):
    if result is None or result < 0 or result == 2**64 - 1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
for name, statement in asked["statements"].items():
    try:
        exec(statement)
    except BaseException as error:
        print(json.dumps([name, repr(error)]), flush=True)
    else:
        print(json.dumps([name, "done"]), flush=True)
"""

# name, x86-64, aarch64: what nothing that we run has a use for.
REFUSED = """
    chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -, lchown 94 -
    fchown 93 55, fchownat 260 54, utime 132 -, utimes 235 -, futimesat 261 -, utimensat 280 88
    setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, removexattr 197 14, lremovexattr 198 15
    fremovexattr 199 16, getxattr 191 8, listxattr 194 11, truncate 76 45, link 86 -, linkat 265 37
    symlink 88 -, symlinkat 266 36, mknod 133 -, mknodat 259 33, openat2 437 437
    shmget 29 194, shmat 30 196, shmctl 31 195, shmdt 67 197, semget 64 190, semop 65 193
    semctl 66 191, semtimedop 220 192, msgget 68 186, msgsnd 69 189, msgrcv 70 188, msgctl 71 187
    mq_open 240 180, memfd_create 319 279, memfd_secret 447 447, remap_file_pages 216 234
    inotify_init 253 -, inotify_init1 294 26, inotify_add_watch 254 27, fanotify_init 300 262
    fanotify_mark 301 263, setpriority 141 140, ioprio_set 251 30, sched_setscheduler 144 119
    sched_setparam 142 118, sched_setattr 314 274, sched_setaffinity 203 122
    fork 57 -, vfork 58 -, execve 59 221, execveat 322 281, setsid 112 157, setpgid 109 154
    unshare 272 97, setns 308 268, kill 62 129, tkill 200 130, rt_sigqueueinfo 129 138
    rt_tgsigqueueinfo 297 240, pidfd_open 434 434, pidfd_send_signal 424 424, pidfd_getfd 438 438
    process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440, ptrace 101 117
    kcmp 312 272, perf_event_open 298 241, bpf 321 280, seccomp 317 277, userfaultfd 323 282
    io_uring_setup 425 425, keyctl 250 219, add_key 248 217, request_key 249 218
    bind 49 200, listen 50 201, accept 43 202, accept4 288 242, socketpair 53 199, sendmsg 46 211
    sendmmsg 307 269, recvmsg 47 212, capset 126 91, setuid 105 146, setresuid 117 147
    mount 165 40, umount2 166 39, chroot 161 51, pivot_root 155 41, open_by_handle_at 304 265
    timer_create 222 107, setitimer 38 103, syslog 103 116, reboot 169 142
"""
NAMES = [row.split()[0] for row in re.split(r"[,\n]", REFUSED) if row.strip()]

# What each would do: statements that end well where nothing is confined.
HARM = {
    "make a private file everybody's": "native(libc.chmod(private, 0o666))",
    "give it an attribute": "native(libc.setxattr(private, b'user.x', b'x', 1, 0))",
    "change its times": "native(libc.utimes(private, bytes(32)))",
    "empty it": "native(libc.truncate(private, 0))",
    "link to it": "native(libc.symlink(private, private + b'.link'))",
    "watch a folder": (
        "native(libc.inotify_add_watch(native(libc.inotify_init1(0)), str(parent).encode(), 4095))"
    ),
    "read another program's segment": "native(libc.shmat(segment, None, 0o10000))",
    "take another process its descriptors": (
        "native(libc.prlimit(victim, 7, struct.pack('QQ', 9, 9), None))"
    ),
    "look for another process": "native(libc.kill(victim, 0))",
    "slow the parent down": "native(libc.setpriority(0, os.getppid(), 19))",
    "bind the parent to a processor": "native(libc.sched_setaffinity(os.getppid(), 8, b'\\1' * 8))",
    "leave a process behind": "native(libc.fork()) or os._exit(0)",  # waiting is refused as well
    "have a signal sent by a descriptor": (
        "r, w = os.pipe(); native(libc.fcntl(r, 8, victim))"  # F_SETOWN
    ),
    "live on without the parent": "native(libc.prctl(1, 0, 0, 0, 0))",  # PR_SET_PDEATHSIG
    "use shared memory, which is not counted": (
        "native(libc.mmap(None, ctypes.c_size_t(1 << 20), 3, 0x21, -1, 0))"
    ),
    "use stacks, which are not counted": (
        "native(libc.mmap(None, ctypes.c_size_t(1 << 20), 3, 0x122, -1, 0))"  # MAP_GROWSDOWN
    ),
    "use files in memory": "native(libc.memfd_create(b'x', 0))",
}
CONNECT = (
    "fd = native(libc.socket(2, 1, {protocol})); native(libc.connect(fd, canary, 16)); os.close(fd)"
)
PROTOCOLS = {"MPTCP": 262, "SMC": 256, "SCTP": 132}


def results(statements: dict[str, str], confined: bool, **limits: Any) -> dict[str, str]:
    """How each statement ends: "done", or the error; nothing if the process died of it."""
    asked = {"folder": None, "port": None, "confined": confined, "statements": statements}
    ended = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM],
        input=json.dumps(asked | limits),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=True,
    )
    return dict(json.loads(line) for line in ended.stdout.splitlines())


def by_number() -> dict[str, str]:
    found = seccomp.numbers(REFUSED, platform.machine())
    call = "native(libc.syscall({}, 0, 0, 0, 0, 0, 0))"
    return {name: call.format(number) for name, number in found.items()}


@pytest.fixture(scope="module", params=["check", "download"])
def refusals(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What each call ends with, in either child."""
    limits: dict[str, Any] = {}
    if request.param == "download":
        limits = {"folder": str(tmp_path_factory.mktemp("own")), "port": 1}
    return results(by_number(), confined=True, **limits)


@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_nothing_needs_is_refused(refusals: dict[str, str], name: str) -> None:
    if name not in by_number():
        pytest.skip("this machine has no such call")
    assert refusals[name].startswith(f"PermissionError({errno.EPERM},")


@contextmanager
def others(folder: Path) -> Iterator[tuple[str, Path, int]]:
    """What is not the child's: a private file, a process, a segment of shared memory.

    First the statements that name them.
    """
    private = folder / "private"
    private.write_text("private")
    private.chmod(0o600)
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(0, 4096, 0o1600)
    with subprocess.Popen(["sleep", "300"]) as victim:
        try:
            named = (
                f"private = {str(private)!r}.encode(); parent = Path({str(folder)!r}); "
                f"victim = {victim.pid}; segment = {segment}; "
            )
            yield named, private, victim.pid
        finally:
            victim.kill()
            libc.shmctl(segment, 0, None)


@pytest.mark.parametrize("name", HARM)
def test_it_does_no_harm(tmp_path: Path, name: str) -> None:
    with others(tmp_path) as (named, private, victim):
        ended = results({name: named + HARM[name]}, confined=True)
        assert ended[name].startswith("PermissionError")
        assert private.stat().st_mode & 0o777 == 0o600
        assert private.read_text() == "private"
        assert resource.prlimit(victim, resource.RLIMIT_NOFILE)[0] > 9


def test_it_would_do_harm_without(tmp_path: Path) -> None:
    """The statements above are what they say: nothing but the confinement stops them."""
    with others(tmp_path) as (named, _, _):
        # Not against the tests' own process.
        harm = {name: named + what for name, what in HARM.items() if "parent " not in name}
        ended = results(harm, confined=False)
    assert {name: end for name, end in ended.items() if end != "done"} == {}


@pytest.fixture
def canary() -> Iterator[tuple[str, list[object]]]:
    """A service on loopback, as the statement that names its address; and who came."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        address = struct.pack("=H", socket.AF_INET) + struct.pack("!H4B8x", port, 127, 0, 0, 1)

        def listen() -> None:
            while True:
                try:
                    came.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=listen, daemon=True).start()
        yield f"canary = {address!r}; ", came
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.skipif(landlock.abi() < 4, reason="this kernel has no Landlock rules for TCP")
@pytest.mark.parametrize("name", ["TCP", *PROTOCOLS])
def test_no_protocol_goes_past_the_guard(
    tmp_path: Path, canary: tuple[str, list[object]], name: str
) -> None:
    prelude, came = canary
    statement = {name: prelude + CONNECT.format(protocol=PROTOCOLS.get(name, 0))}
    ended = results(statement, confined=True, folder=str(tmp_path), port=1)
    assert ended[name].startswith("PermissionError")
    assert came == []


def test_a_call_that_is_newer_than_this_code_is_missing() -> None:
    """So that a C library takes the older one, as it would on an older kernel."""
    calls = {"clone3": 435, "newest": seccomp.UNKNOWN, "later": 999}
    statements = {name: f"native(libc.syscall({number}, 0, 0))" for name, number in calls.items()}
    ended = results(statements, confined=True)
    assert all(end.startswith(f"OSError({errno.ENOSYS},") for end in ended.values()), ended


def test_threads_and_memory_still_work() -> None:
    statements = {
        "thread": "import threading as t; a = t.Thread(target=id, args=[1]); a.start(); a.join()",
        "memory": "bytearray(100_000_000)",
        "own limits": "import resource as r; r.setrlimit(r.RLIMIT_CPU, (50, 50))",
        "own end": "import signal; signal.raise_signal(signal.SIGCHLD)",
        "a file": "import mmap; f = open(os.__file__, 'rb'); mmap.mmap(f.fileno(), 0, prot=1)",
    }
    ended = results(statements, confined=True)
    assert {name: ended[name] for name in statements} == dict.fromkeys(statements, "done")


def test_the_table_is_the_kernels() -> None:
    """The numbers of this machine's calls are those of its headers, where they are installed."""
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if platform.machine() != "x86_64" or not header.exists():
        pytest.skip("no header of the kernel's here")
    said = dict(re.findall(r"#define __NR_(\w+) (\d+)", header.read_text()))
    names = ("_COMPUTING", "_CONNECTING", "_WRITING", "_CONDITIONAL")
    tables = [getattr(seccomp, name) for name in names]
    for name, number in seccomp.numbers("\n".join(tables), "x86_64").items():
        assert said[name] == str(number), name
