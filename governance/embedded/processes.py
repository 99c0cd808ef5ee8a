"""Child processes that never outlive their parent, and locks that the kernel lets go."""

import ctypes
import fcntl
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from governance.embedded.places import Account

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl
_LOG_LIMIT = 10 * 1024 * 1024  # bytes; a longer log is put aside when its process starts


def end_with_parent(signal_number: signal.Signals) -> None:
    """Ask the kernel to send this process the signal when the thread that made it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path | None,
    farewell: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own; it gets ``farewell`` should this process be killed.

    Ctrl-C in the terminal does not reach it. Its output goes to the end of ``log``, or to the
    terminal when that is None.
    """
    output: IO[bytes] | None = None
    if log is not None:
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".old.log"))
        output = log.open("ab")
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            cwd=cwd,
            env=env,
            process_group=0,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_bound_to(os.getpid(), farewell),
        )
    finally:
        if output:
            output.close()


def _bound_to(parent: int, farewell: signal.Signals) -> Callable[[], None]:
    # Runs in the child after it has changed its user, which would clear the kernel's note.
    def bind() -> None:
        end_with_parent(farewell)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def stop(process: subprocess.Popen[bytes], sign: signal.Signals | None, patience: float) -> None:
    """Ask a process to end, or None: it was asked; after ``patience`` seconds end its group."""
    if process.poll() is None:
        if sign is not None:
            process.send_signal(sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # also what a killed parent left in its group
    process.wait()


def tail(log: Path, lines: int = 5) -> str:
    """Return the last lines of a log, for a message."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])


class Lock:
    """A file lock. The kernel drops it when the process ends, however that happens."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def shared(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def exclusive(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        os.close(self._file)
