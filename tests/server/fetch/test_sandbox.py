"""What a confined process can no longer do, tried out in one that tries."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from server.processes import landlock, sandbox, seccomp
from server.processes.protocol import ROOT
from server.processes.sandbox import Confinement, Level, level

# Confines itself as the test states, runs the test's statement and prints its outcome.
PROGRAM = """
import ctypes, json, mmap, os, resource, signal, socket, subprocess, sys
from pathlib import Path
from server.processes import landlock, sandbox, seccomp
from server.processes.sandbox import Confinement, confine
asked = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
folder = asked["folder"] and Path(asked["folder"])
if asked["nets"] == "all":
    confine(Confinement(folder, asked["port"], **asked["limits"]), os.getppid())
else:
    sandbox._prctl(sandbox.PR_SET_NO_NEW_PRIVS, 1)
    ports = [asked["port"]] if asked["port"] else []
    if asked["nets"] == "landlock":
        landlock.restrict(sandbox.runtime_paths(), [folder] if folder else [], ports)
    elif asked["nets"] == "seccomp":
        seccomp.restrict(tcp=bool(ports))
    elif asked["nets"] == "audit":
        sys.addaudithook(sandbox._audit_hook(Confinement(folder, asked["port"])))
def native(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
try:
    exec(asked["statement"])
except BaseException as error:
    print(type(error).__name__, error)
else:
    print("done")
"""


def attempt(
    statement: str,
    folder: Path | None = None,
    port: int | None = None,
    nets: str = "all",
    **limits: int,
) -> str:
    """How `statement` ends in a confined process: "done", an error, or "signal N"."""
    asked = {
        "statement": statement,
        "folder": str(folder) if folder else None,
        "port": port,
        "nets": nets,
        "limits": limits,
    }
    ended = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    return ended.stdout.strip() or f"signal {-ended.returncode}: {ended.stderr[-300:]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "own"
    path.mkdir()
    return path


needs_landlock = pytest.mark.skipif(
    landlock.abi() < 4, reason="this kernel has no Landlock rules for TCP (Linux 6.7 has)"
)
needs_seccomp = pytest.mark.skipif(
    not seccomp.available(), reason="no seccomp filter for this machine"
)
NETS = [
    "audit",
    pytest.param("landlock", marks=needs_landlock),
    "all",
]


def test_the_level_is_what_the_kernel_says() -> None:
    reached = level()
    assert reached == Level.of(landlock.abi(), seccomp.available())
    assert reached.to_json()["name"] == reached.name
    assert reached.to_json()["lacks"] == list(reached.lacks)


@pytest.mark.attack
@pytest.mark.parametrize(
    ("abi", "filtered", "name", "lacks"),
    [
        (0, False, "basic", ["open to it", "emptied", "TCP", "can be sent signals", "left behind"]),
        (0, True, "partial", ["open to it", "emptied", "TCP", "seccomp alone"]),
        (1, False, "basic", ["emptied", "TCP", "can be sent signals", "left behind"]),
        (3, True, "partial", ["TCP", "seccomp alone"]),
        (4, True, "partial", ["seccomp alone"]),
        (5, True, "partial", ["seccomp alone"]),
        (6, False, "partial", ["left behind"]),
        (6, True, "full", []),
        (9, True, "full", []),
    ],
)
def test_a_lower_level_says_what_it_lacks(
    abi: int, filtered: bool, name: str, lacks: list[str]
) -> None:
    reached = Level.of(abi, filtered)
    assert reached.name == name
    assert len(reached.lacks) == len(lacks)
    assert all(part in sentence for part, sentence in zip(lacks, reached.lacks, strict=True))


def test_its_own_folder_is_open(folder: Path) -> None:
    statement = "(folder / 'a').write_text('x'); (folder / 'a').rename(folder / 'b')"
    assert attempt(statement, folder, file_bytes=1000) == "done"
    assert (folder / "b").read_text() == "x"


def test_it_may_still_import(folder: Path) -> None:
    assert attempt("import yt_dlp, ssl, zoneinfo, av, numpy, cv2, sqlite3", folder) == "done"


@pytest.mark.attack
@pytest.mark.parametrize("nets", NETS)
@pytest.mark.parametrize(
    "statement",
    [
        "open(folder.parent / 'x', 'w')",
        "open(folder / '..' / 'x', 'w')",
        "os.open(folder.parent / 'x', os.O_CREAT | os.O_RDWR)",
        "(folder.parent / 'other').unlink()",
        "(folder.parent / 'other').rename(folder / 'mine')",
        "open(folder.parent / 'other', 'a')",
        "os.mkdir(folder.parent / 'd')",
    ],
)
def test_it_writes_nowhere_else(folder: Path, statement: str, nets: str) -> None:
    other = folder.parent / "other"
    other.write_text("kept")
    assert attempt(statement, folder, nets=nets).startswith(("Confined", "PermissionError"))
    assert sorted(path.name for path in folder.parent.iterdir()) == ["other", "own"]
    assert other.read_text() == "kept"


@pytest.mark.attack
@needs_landlock
@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/1/environ", "/root", "/home", "var"])
def test_it_reads_nothing_of_this_machine(folder: Path, path: str) -> None:
    where = str(folder.parent / path)  # an absolute path stays itself
    (folder.parent / "var").write_text("jobs")
    statement = f"os.listdir({where!r}) if os.path.isdir({where!r}) else open({where!r}).read()"
    assert attempt(statement, folder).startswith("PermissionError")


@pytest.mark.attack
@pytest.mark.parametrize("nets", NETS)
def test_it_connects_to_its_proxy_alone(nets: str) -> None:
    connect = "socket.create_connection(('127.0.0.1', {}), 2)"
    with (
        socket.create_server(("127.0.0.1", 0)) as proxy,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        port, elsewhere = proxy.getsockname()[1], other.getsockname()[1]
        assert attempt(connect.format(port), port=port, nets=nets) == "done"
        refused = attempt(connect.format(elsewhere), port=port, nets=nets)
        assert refused.startswith(("Confined", "PermissionError"))
        assert not attempt(connect.format(port), nets=nets).startswith("done")


@pytest.mark.attack
@needs_landlock
@needs_seccomp
def test_native_code_connects_no_further_than_python(tmp_path: Path) -> None:
    """What the audit hook cannot see, the kernel refuses."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        address = struct.pack("=H", socket.AF_INET) + struct.pack("!H4B8x", port, 127, 0, 0, 1)
        connect = f"s = socket.socket(); native(libc.connect(s.fileno(), {address!r}, 16))"
        flags = "b'x', 1, 0x20000000"  # MSG_FASTOPEN: connect while sending
        fast_open = (
            f"s = socket.socket(); native(libc.sendto(s.fileno(), {flags}, {address!r}, 16))"
        )
        assert attempt(connect, port=1, nets="landlock").startswith("PermissionError")
        assert attempt(fast_open, port=1).startswith("PermissionError")
        for kind in ("AF_INET, socket.SOCK_DGRAM", "AF_INET6, socket.SOCK_STREAM", "AF_UNIX"):
            for net in ("seccomp", "all"):
                assert attempt(f"socket.socket(socket.{kind})", port=1, nets=net).startswith(
                    "PermissionError"
                )
        assert attempt("socket.socket()", nets="seccomp").startswith("PermissionError")


@pytest.mark.attack
@pytest.mark.parametrize(
    "statement",
    [
        "subprocess.run(['/bin/true'])",
        "os.system('true')",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.fork()",
    ],
)
def test_it_starts_no_program(folder: Path, statement: str) -> None:
    assert attempt(statement, folder).startswith(("Confined", "PermissionError"))


@pytest.mark.attack
@needs_seccomp
@pytest.mark.parametrize(
    "call",
    [
        "libc.execv(b'/bin/true', (ctypes.c_char_p * 2)(b'true', None))",
        "libc.ptrace(16, os.getppid(), 0, 0)",
        "libc.unshare(0x10000000)",
        "libc.mount(b'none', b'/mnt', b'tmpfs', 0, None)",
        "libc.syscall(425, 1, None)",
    ],
)
def test_native_code_escapes_by_no_call(folder: Path, call: str) -> None:
    assert attempt(f"native({call})", folder).startswith("PermissionError")


@pytest.mark.attack
def test_its_memory_files_and_handles_end(folder: Path) -> None:
    assert attempt("bytearray(400_000_000)", folder, memory_bytes=300_000_000).startswith(
        "MemoryError"
    )
    write = "(folder / 'big').write_bytes(bytes(2000))"
    assert attempt(write, folder, file_bytes=1000).startswith("OSError [Errno 27]")
    assert (folder / "big").stat().st_size <= 1000
    handles = "[open('/dev/null') for _ in range(200)]"
    assert attempt(handles, folder, open_files=64).startswith("OSError [Errno 24]")
    assert attempt("assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)", folder) == "done"


@pytest.mark.attack
@pytest.mark.skipif(not Path("/proc/loadavg").exists(), reason="no count of threads here")
def test_its_threads_end(folder: Path) -> None:
    """None of a user's, that is; of root's the kernel counts none."""
    limit = "assert 1000 < resource.getrlimit(resource.RLIMIT_NPROC)[1] < 100_000"
    assert attempt(limit, folder) == "done"


@pytest.mark.attack
@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_root_keeps_no_right_but_to_media() -> None:
    program = (
        "from server.processes.sandbox import drop_capabilities; drop_capabilities(); "
        "print(open('/proc/self/status').read())"
    )
    ended = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    [effective] = [int(line[7:], 16) for line in ended.stdout.splitlines() if "CapEff" in line]
    assert effective & ~(sandbox.CAP_DAC_OVERRIDE | sandbox.CAP_DAC_READ_SEARCH) == 0


@pytest.mark.attack
def test_its_cpu_time_ends(folder: Path) -> None:
    assert attempt("while True: pass", folder, cpu_s=1).startswith("signal 24")


@pytest.mark.skipif(sys.platform != "linux", reason="PDEATHSIG is Linux's")
def test_it_dies_with_its_parent() -> None:
    """A parent killed outright takes its child along, though the child waits for nothing of it."""
    child = (
        "import os, sys, time; from server.processes.sandbox import die_with\n"
        "die_with(os.getppid()); print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-B', '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        orphan = psutil.Process(int(started.stdout.readline()))
        started.kill()
    _, alive = psutil.wait_procs([orphan], timeout=10)
    assert alive == []


def test_it_does_not_outlive_a_parent_that_is_gone() -> None:
    """The parent's number is checked after the signal is asked for, so no moment is left open."""
    code = "import os; from server.processes.sandbox import die_with; die_with(os.getppid() + 1)"
    ended = subprocess.run([sys.executable, "-B", "-c", code], cwd=ROOT, check=False, timeout=30)
    assert ended.returncode == 1


def test_a_limit_is_never_raised() -> None:
    code = (
        "import resource as r; from server.processes.sandbox import *\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (50, 50)); limit_resources(Confinement(None, None))\n"
        "print(r.getrlimit(r.RLIMIT_NOFILE))"
    )
    ended = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert ended.stdout.strip() == "(50, 50)"


def test_the_runtimes_paths_hold_no_data() -> None:
    paths = sandbox.runtime_paths()
    assert ROOT not in paths
    assert not any(path in (Path("/"), Path("/etc"), ROOT / "var") for path in paths)
    assert Confinement(None, None).readable == ()
