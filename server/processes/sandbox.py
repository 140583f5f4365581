"""What a child process gives up before it touches anything that a stranger wrote.

Limits and no_new_privs work everywhere; Landlock (files since Linux 5.13, TCP since 6.7, signals
since 6.12) and seccomp where the kernel has them; a Python audit hook always. Each is a net for the
holes of the others: Landlock has no UDP and no chmod, seccomp no addresses and no names of files,
and the audit hook only what Python does.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import resource
import signal
import struct
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from server.processes import landlock, seccomp

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CAPABILITIES_3 = 0x20080522  # the version of capset's structures
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1 << 1, 1 << 2

MEGABYTE = 1_000_000
SPARE_TASKS = 1000  # threads that may come to be, on the whole machine, while a child works


class Confined(PermissionError):
    """The confinement forbids this call; the message names the audit event."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """All that a child may do. `folder` is the one place it may write; None: nowhere.

    `proxy_port` is the one loopback port it may connect to; None: no network at all.
    """

    folder: Path | None
    proxy_port: int | None
    readable: tuple[Path, ...] = ()
    memory_bytes: int = 1500 * MEGABYTE
    file_bytes: int = 0
    cpu_s: int = 60
    open_files: int = 128


@dataclass(frozen=True, slots=True)
class Level:
    """How far this kernel can confine a child; shown by /healthz."""

    landlock_abi: int
    files: bool  # the kernel holds it to its folder, and keeps it from cutting files short
    network: bool  # the kernel holds its TCP connections to the proxy
    signals: bool  # the kernel keeps its signals and abstract sockets among its own
    system_calls: bool  # the kernel refuses it programs, processes and all calls it does not need

    @classmethod
    def of(cls, abi: int, filtered: bool) -> Level:
        """What Landlock of this version, 0 for none, and perhaps a filter of calls can hold."""
        return cls(abi, abi >= 3, abi >= 4, abi >= 6, filtered)

    @property
    def name(self) -> str:
        """`full`, `partial` (other nets stand in for what is missing) or `basic`."""
        kernel = (self.files, self.network, self.signals, self.system_calls)
        return "full" if all(kernel) else "partial" if any(kernel) else "basic"

    @property
    def lacks(self) -> tuple[str, ...]:
        """What a child that was taken over could do here that it could not under `full`."""
        filtered = self.system_calls
        signals = (
            "signals are held back by seccomp alone"
            if filtered
            else "other processes of the user can be sent signals"
        )
        parts = (
            (self.landlock_abi >= 1, "all files of the user are open to it: Landlock, Linux 5.13"),
            (self.files, "files that it may read can be emptied: Landlock 3, Linux 6.2"),
            (self.network, "any address can be connected to over TCP: Landlock 4, Linux 6.7"),
            (self.signals, f"{signals}: Landlock 6, Linux 6.12"),
            (
                filtered,
                "processes can be left behind, modes and times of files changed, shared memory "
                "used without end: seccomp, Linux on x86-64 or aarch64",
            ),
        )
        return tuple(sentence for held, sentence in parts if not held)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, **asdict(self), "lacks": list(self.lacks)}


def level() -> Level:
    """What `confine` reaches here; asks the kernel, changes nothing."""
    return Level.of(landlock.abi(), seccomp.available())


def prepare() -> None:
    """Look up what every confinement asks for, so that what is forked afterwards has it at hand."""
    runtime_paths()
    if level().system_calls:
        for tcp, writes in ((False, False), (True, True)):
            seccomp.free(platform.machine(), tcp, writes)
            seccomp.conditional(platform.machine(), tcp)


def confine(limits: Confinement, parent_pid: int) -> Level:
    """Confine this process for good, and tie its life to its parent's.

    Call it before any thread is started: Landlock and seccomp bind the calling thread and what it
    starts. Raises OSError where the kernel has a means and refuses to apply it.
    """
    hold_back(limits, parent_pid)
    reached = level()
    ports = () if limits.proxy_port is None else (limits.proxy_port,)
    if reached.landlock_abi:
        written = () if limits.folder is None else (limits.folder,)
        landlock.restrict((*runtime_paths(), *limits.readable), written, ports)
    if reached.system_calls:
        seccomp.restrict(tcp=bool(ports), writes=limits.folder is not None)
    sys.addaudithook(_audit_hook(limits))
    return reached


def hold_back(limits: Confinement, parent_pid: int) -> None:
    """Bound what this process may use, and give up root's rights; what it may reach stays as it is.

    Its life is tied to its parent's.
    """
    die_with(parent_pid)
    limit_resources(limits)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    drop_capabilities()


def die_with(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it ended before we asked, so no signal will come
        os._exit(1)


def limit_resources(limits: Confinement) -> None:
    """Lower this process' limits; the address space stays free, for run-times that reserve it."""
    wanted = {
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    if tasks := _tasks():
        wanted[resource.RLIMIT_NPROC] = tasks + SPARE_TASKS
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # A process that may go one second on learns by SIGXCPU why it ends.
        spare = kind == resource.RLIMIT_CPU and bound != hard
        resource.setrlimit(kind, (bound, bound + spare))


def _tasks() -> int:
    """How many threads there are on this machine, whose ever; 0 where that is not known."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return 0


def drop_capabilities() -> None:
    """Have root's rights no longer, should the service run as root, but to its users' media."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    # Still permitted, as the file of a check may be anybody's; Landlock limits the files.
    kept = (CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH) & _permitted()
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("Ii", CAPABILITIES_3, 0)
    if libc.capset(header, struct.pack("6I", kept, kept, 0, 0, 0, 0)):
        raise OSError(ctypes.get_errno(), "capset failed")


def _permitted() -> int:
    """The lower 32 capabilities that this process may use."""
    libc = ctypes.CDLL(None, use_errno=True)
    sets = ctypes.create_string_buffer(24)  # effective, permitted, inheritable; twice
    if libc.capget(struct.pack("Ii", CAPABILITIES_3, 0), sets):
        raise OSError(ctypes.get_errno(), "capget failed")
    return int(struct.unpack("6I", sets)[1])


@functools.cache
def runtime_paths() -> tuple[Path, ...]:
    """What Python and its extension modules read while they run: code and tables, no data."""
    root = Path(__file__).resolve().parents[2]
    own = [root / "server", root / "models"]
    python = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib")]
    python += [Path(sys.prefix) / "lib", Path(sys.base_prefix) / "lib"]
    system = [Path(name) for name in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")]
    tables = ["/etc/ld.so.cache", "/etc/mime.types", "/usr/share/zoneinfo", "/etc/localtime"]
    devices = [Path("/dev/urandom"), Path("/dev/null")]
    return tuple(dict.fromkeys([*own, *python, *system, *map(Path, tables), *devices]))


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":  # then the parent's own care has to do
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


_PROGRAMS = frozenset(
    {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"}
    | {"pty.spawn", "subprocess.Popen"}
)
_CHANGES = frozenset({"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate"})
_NEVER = frozenset(
    {"os.link", "os.symlink", "os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"}
    | {"os.kill", "os.killpg", "signal.pthread_kill", "resource.prlimit"}
)
_NETWORK = frozenset(
    {"socket.bind", "socket.sendto", "socket.sendmsg"}
    | {"socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
)


def _audit_hook(limits: Confinement) -> Any:
    """A hook that refuses, on every kernel, what the confinement does not name."""
    folder = None if limits.folder is None else str(limits.folder.resolve())
    proxy = ("127.0.0.1", limits.proxy_port)

    def inside(paths: Iterable[object]) -> bool:
        return all(
            not isinstance(path, str | bytes)
            or os.fsdecode(path) == "/dev/null"
            or (folder is not None and _under(os.fsdecode(path), folder))
            for path in paths
        )

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in _PROGRAMS or event in _NETWORK or event in _NEVER:
            refused = True
        elif event == "socket.connect":
            refused = args[1] != proxy
        elif event == "socket.getaddrinfo":
            refused = args[0] != proxy[0]  # a literal: no name server is asked
        elif event == "open":
            refused = bool(args[2] & _WRITES) and not inside(args[:1])
        elif event in _CHANGES:
            refused = not inside(args[:2])
        else:
            return
        if refused:
            raise Confined(event)

    return hook


_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _under(path: str, folder: str) -> bool:
    return os.path.realpath(path).startswith(folder + os.sep)
