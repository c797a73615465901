"""How a program is started so that it never outlives whoever started it, and as whom.

On Linux the kernel signals a child when the thread that forked it ends, so `start` must be called
from a thread that lives as long as the program should: the main one. Elsewhere the next `up` ends
what is left (`supervisor`).
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

NOBODY = 65534
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_LINUX = sys.platform == "linux"
# Looked up before any fork: the child may only make plain calls.
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None


class Footing(StrEnum):
    """As whom a program runs."""

    SAME = "same"  # as we are
    NAMESPACE = (
        "namespace"  # root, in a user namespace where it is nobody: keeps our files in reach
    )
    NOBODY = "nobody"  # really as nobody


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    footing: Footing = Footing.SAME,
    farewell: signal.Signals = signal.SIGKILL,
    directory: Path = Path("/"),
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; `farewell` is sent to it when we die."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=dict(environment) if environment is not None else None,
            cwd=directory,
            start_new_session=True,
            preexec_fn=_before_exec(footing, farewell),
        )


def finished(
    command: Sequence[str | Path],
    *,
    footing: Footing = Footing.SAME,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run a short program to its end, on the same terms."""
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=dict(environment) if environment is not None else None,
        cwd="/",
        timeout=timeout_seconds,
        check=False,
        preexec_fn=_before_exec(footing, signal.SIGKILL),
    )


def _before_exec(footing: Footing, farewell: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()
    maps = (
        (b"/proc/self/setgroups", b"deny"),
        (b"/proc/self/uid_map", b"%d %d 1" % (NOBODY, os.geteuid())),
        (b"/proc/self/gid_map", b"%d %d 1" % (NOBODY, os.getegid())),
    )

    def prepare() -> None:
        if footing is Footing.NAMESPACE:
            assert _libc is not None
            if _libc.unshare(_CLONE_NEWUSER) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            for path, content in maps:
                descriptor = os.open(path, os.O_WRONLY)
                os.write(descriptor, content)
                os.close(descriptor)
        elif footing is Footing.NOBODY:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        if _libc is not None:
            # After the change of user, which would clear it.
            _libc.prctl(_PR_SET_PDEATHSIG, int(farewell), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def works(footing: Footing, *, writes: Path, runs: Path) -> bool:
    """Whether a program on this footing can write in one folder and run a file."""
    probe = ("/bin/sh", "-c", 'test -w "$1" -a -x "$1" -a -x "$2"', "sh", writes, runs)
    try:
        return finished(probe, footing=footing, timeout_seconds=10).returncode == 0
    except (subprocess.SubprocessError, OSError):
        return False


def stop(process: subprocess.Popen[bytes], how: signal.Signals, timeout_seconds: float) -> None:
    """Ask a program to end, and end it when it has not by then."""
    if process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port(preferred: int) -> int:
    """The preferred port of 127.0.0.1 if nobody listens there, else one that is free now."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            number: int = probe.getsockname()[1]
            return number
    raise OSError("no free port on 127.0.0.1")


def listening(port: int) -> bool:
    """Whether somebody accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def birth(pid: int) -> str | None:
    """When a process began, in the kernel's own words; None when there is no such process.

    Together with the number it names a process for ever, as numbers are used again.
    """
    if _LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    ps = shutil.which("ps") or "/bin/ps"
    shown = subprocess.run([ps, "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return shown.stdout.strip() or None
