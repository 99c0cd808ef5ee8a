"""Which processes of this machine belong to a data folder?"""

import os
import time
from pathlib import Path

from governance.embedded import Servers


def processes_of(servers: Servers) -> dict[int, str]:
    """Return pid and command of all that run for the servers' data folder, zombies left out."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (folder / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        ours = f"VAR_DIR={servers.var}\0" in environment
        served = str(servers.var) in command or str(servers.run) in command
        if command and (ours or served) and int(folder.name) != os.getpid():
            found[int(folder.name)] = command.strip()
    return found


def wait_until_gone(servers: Servers) -> dict[int, str]:
    """Wait until nothing runs for the data folder; return what is left after a long while."""
    deadline = time.monotonic() + 30
    while (left := processes_of(servers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def wait_until_dead(pid: int) -> None:
    """Wait until a killed process has let go of its locks, which is later than the signal."""
    deadline = time.monotonic() + 30
    while _state(pid) not in ("gone", "Z"):
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"
