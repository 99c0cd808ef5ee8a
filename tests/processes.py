"""The platform as real processes: the scripts of ``deploy/`` on a database of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.error import HTTPError, URLError

from django.core.cache import cache

from governance.celery import app as celery_app
from governance.embedded.processes import Lock, spawn, stop, tail
from tests import databases
from tests.plugin import BASE_DIR, SERVERS

_PATIENCE = 60  # seconds until a process must be ready


class Platform:
    """Web server, worker and clock of one database, startable and killable one by one.

    More of a kind are told apart by a number: "web", "web-2", "worker", "worker-2". The test's own
    Django connection points to the same database while the processes run.
    """

    def __init__(self, database: str) -> None:
        self.database = database
        self._ports: defaultdict[str, int] = defaultdict(_free_port)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """The address of the web server, without a slash at its end."""
        return self.url_of("web")

    def url_of(self, part: str) -> str:
        """The address of one of several web servers; it stays when that one is started again."""
        return f"http://127.0.0.1:{self._ports[part]}"

    def start_web(self, part: str = "web", *, at: datetime | None = None) -> None:
        """Start gunicorn, at another time if one is given, and wait until it answers."""
        _collect_static_files()
        self._start(part, ["--bind", f"127.0.0.1:{self._ports[part]}", "--workers", "1"], at)
        self._wait(part, lambda: self._web_answers(part))

    def start_worker(self, part: str = "worker", *, at: datetime | None = None) -> None:
        """Start a Celery worker, at another time if one is given, and wait until it answers."""
        name = f"{part}@{self.database}"
        self._start(part, ["--concurrency", "1", "--hostname", name], at)
        self._wait(part, lambda: bool(celery_app.control.ping([name], timeout=0.5)))

    def start_beat(self, *, at: datetime | None = None) -> None:
        """Start Celery's clock, at another time if one is given."""
        self._start("beat", ["--schedule", str(SERVERS.var / f"{self.database}-beat")], at)

    def stop(self, part: str) -> None:
        """End a process as a restart would: it finishes what it is doing."""
        stop(self._processes.pop(part), signal.SIGTERM, patience=30)

    def kill(self, part: str) -> None:
        """End a process and its children at once, as a power cut would."""
        process = self._processes.pop(part)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop_all(self) -> None:
        for part in list(self._processes):
            self.stop(part)

    def log(self, part: str) -> Path:
        return SERVERS.logs / f"{self.database}-{part}.log"

    def _start(self, part: str, arguments: list[str], at: datetime | None) -> None:
        if part in self._processes:
            raise RuntimeError(f"{part} is running already: stop it first")
        folder = _python_at(at) if at else Path(sys.executable).parent
        self._processes[part] = spawn(
            [BASE_DIR / "deploy" / part.partition("-")[0], *arguments],
            log=self.log(part),
            cwd=BASE_DIR,
            env=os.environ
            | {
                "EMBEDDED_DATABASE": self.database,
                "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            },
        )

    def _wait(self, part: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not is_ready():
            ended = self._processes[part].poll() is not None
            if ended or time.monotonic() > deadline:
                raise RuntimeError(f"{part} did not start:\n{tail(self.log(part), 40)}")
            time.sleep(0.05)

    def _web_answers(self, part: str) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url_of(part)}/health/", timeout=5) as response:
                return bool(response.status == 200)
        except HTTPError:
            return False
        except (URLError, OSError):
            return False


@contextmanager
def running_platform(template: str) -> Iterator[Platform]:
    """Run web server and worker on a fresh clone of a template, until the ``with`` block ends."""
    platform = Platform(databases.unused_name())
    databases.clone(template, platform.database)
    cache.clear()
    celery_app.control.purge()
    with databases.connected_to(platform.database):
        try:
            platform.start_web()
            platform.start_worker()
            yield platform
        finally:
            platform.stop_all()
    databases.drop(platform.database)


def _python_at(at: datetime) -> Path:
    """Return a folder with a ``python`` whose clock starts at the given aware time."""
    folder = SERVERS.var / f"python-at-{at.timestamp():.0f}"
    folder.mkdir(exist_ok=True)
    python = folder / "python"
    python.write_text(
        '#!/bin/sh\nshift  # the "-m" of the scripts in deploy/\n'
        f"exec '{sys.executable}' -m tests.clock {at.timestamp()} \"$@\"\n",
        encoding="utf-8",
    )
    python.chmod(0o755)
    return folder


def _collect_static_files() -> None:
    """Collect the static files, once for all processes of the run."""
    done = SERVERS.var / "static" / "staticfiles.json"
    collecting = Lock(SERVERS.locks / "static")
    collecting.exclusive()
    try:
        if not done.exists():
            subprocess.run(
                [sys.executable, BASE_DIR / "manage.py", "collectstatic", "--noinput"],
                check=True,
                stdout=subprocess.DEVNULL,
            )
    finally:
        collecting.release()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
