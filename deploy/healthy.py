"""Is this container able to work? ``python deploy/healthy.py web|worker|exporter|beat``: 0 is yes.

Asked by the container engine, inside the container, every half minute.
"""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SCHEDULE_AGE = 600  # seconds; beat writes its schedule every three minutes


def web(port: int = 8000) -> bool:
    """Say whether the page /health/ answers 200. It is asked by a name that Django lets in."""
    name = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/health/", headers={"Host": name.replace("*", "localhost")})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def worker(name: str = "celery") -> bool:
    """Say whether the worker of this machine answers through the queue."""
    ping = subprocess.run(
        [
            *(sys.executable, "-m", "celery", "--app", "governance.celery", "inspect", "ping"),
            *("--destination", f"{name}@{socket.gethostname()}", "--timeout", "5"),
        ],
        cwd=Path(__file__).resolve().parent.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return ping.returncode == 0


def exporter() -> bool:
    return worker("exporter")


def beat() -> bool:
    """Say whether the clock has kept its schedule lately."""
    folder = Path(os.environ.get("VAR_DIR", "var"))
    written = [file.stat().st_mtime for file in folder.glob("celerybeat-schedule*")]
    return bool(written) and time.time() - max(written) < SCHEDULE_AGE


if __name__ == "__main__":
    part, *rest = sys.argv[1:]
    parts: dict[str, Callable[..., bool]] = {
        "web": web,
        "worker": worker,
        "exporter": exporter,
        "beat": beat,
    }
    works = parts[part](*map(int, rest))
    sys.exit(0 if works else 1)
