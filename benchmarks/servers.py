"""The bench's own PostgreSQL, Redis, databases and web server. Nothing here imports Django."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from governance import embedded
from governance.embedded.processes import spawn, stop, tail

BASE_DIR = Path(__file__).resolve().parent.parent
SETTINGS = "benchmarks.settings"
PATIENCE = 60  # seconds until the web server must answer

# What a server may leave out while it is filled, and must not while it is measured.
WHILE_FILLING = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "autovacuum": "off",
}


def environment() -> dict[str, str]:
    """The environment of every process of the bench: embedded servers, data below var/bench.

    The throttle is taken up to where it never refuses. It still counts, in Redis, as it always
    does.
    """
    mine = dict(os.environ)
    for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "MEDIA_ROOT", "DEBUG"):
        mine.pop(name, None)
    mine.setdefault("BENCH_VAR_DIR", str(BASE_DIR / "var" / "bench"))
    return mine | {
        "VAR_DIR": mine["BENCH_VAR_DIR"],
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "THROTTLE_USER": "100000000/min",
        "THROTTLE_ANON": "100000000/min",
        "LOG_LEVEL": "WARNING",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{mine.get('PATH', '')}",
    }


def use_environment() -> None:
    """Give this process the bench's environment, before Django or the servers are asked for."""
    for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "MEDIA_ROOT", "DEBUG"):
        os.environ.pop(name, None)
    os.environ.update(environment())


@contextmanager
def running() -> Iterator[embedded.Servers]:
    """PostgreSQL and Redis of the bench, from here to the end of the block."""
    servers = embedded.locate(BASE_DIR)
    use = embedded.use(servers)
    try:
        yield servers
    finally:
        use.release()
        use.wait_until_stopped()


# --- databases ---


def connect(database: str = "postgres") -> psycopg.Connection:
    servers = embedded.locate(BASE_DIR)
    return psycopg.connect(host=str(servers.run), user="postgres", dbname=database, autocommit=True)


def exists(database: str) -> bool:
    with connect() as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        return connection.execute(query, [database]).fetchone() is not None


def create(database: str, *, template: str = "template0") -> None:
    """A fresh database of this name; one that was there before is dropped."""
    with connect() as connection:
        name, source = sql.Identifier(database), sql.Identifier(template)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(name))
        # FILE_COPY does not write a big template through the log.
        statement = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
        connection.execute(sql.SQL(statement).format(name, source))


def drop(database: str) -> None:
    with connect() as connection:
        name = sql.Identifier(database)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(name))


def bytes_of(database: str) -> int:
    with connect() as connection:
        row = connection.execute("SELECT pg_database_size(%s)", [database]).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def filling() -> Iterator[None]:
    """The server as it may be while it is filled: it need not survive a power cut."""
    with connect() as connection:
        for name, value in WHILE_FILLING.items():
            statement = sql.SQL("ALTER SYSTEM SET {} = {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Literal(value)))
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        with connect() as connection:
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CHECKPOINT")
        os.sync()  # what fsync=off left to the kernel


# --- processes ---


def run(*arguments: str, database: str, **more: str) -> None:
    """Run ``python …`` against one of the databases to its end. Raises SystemExit if it fails."""
    result = subprocess.run(
        [sys.executable, *arguments], cwd=BASE_DIR, env=environment() | _at(database) | more
    )
    if result.returncode:
        raise SystemExit(result.returncode)


HOST = "127.0.0.1"
Command = Callable[[int], Sequence[str | Path]]  # by the port


def gunicorn(*arguments: str) -> Command:
    """The web server as ``make up`` starts it; arguments win over its configuration."""
    return lambda port: [BASE_DIR / "deploy" / "web", "--bind", f"{HOST}:{port}", *arguments]


@dataclass(frozen=True)
class Web:
    """A web server that answers."""

    address: str  # host:port
    group: int  # in which all its processes are


@contextmanager
def web(database: str, command: Command | None = None, **more: str) -> Iterator[Web]:
    """A web server on ``database``, as ``make up`` starts it if no command is given."""
    servers = embedded.locate(BASE_DIR)
    port = _free_port()
    log = servers.logs / "web.log"
    process = spawn(
        (command or gunicorn())(port), log=log, env=environment() | _at(database) | more
    )
    try:
        _wait_for(f"{HOST}:{port}", process, log)
        yield Web(f"{HOST}:{port}", process.pid)
    finally:
        stop(process, signal.SIGTERM, patience=20)


@contextmanager
def worker(database: str, name: str = "worker") -> Iterator[None]:
    """A background worker as ``make up`` starts it: "worker", or "exporter"."""
    servers = embedded.locate(BASE_DIR)
    process = spawn(
        [BASE_DIR / "deploy" / name],
        log=servers.logs / f"{name}.log",
        env=environment() | _at(database),
    )
    try:
        yield
    finally:
        stop(process, signal.SIGTERM, patience=20)


def memory_of(group: int) -> int:
    """Bytes that all processes of a group hold; what they share among them counts once (PSS)."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            # Behind the name, which may contain anything: state, parent, group …
            state = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(state[2]) == group:
                sizes = (folder / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in sizes if line.startswith("Pss:"))
    return total * 1024


def connections_to(database: str) -> int:
    """How many connections the platform's processes have open."""
    with connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = %s AND application_name = 'governance'",
            [database],
        ).fetchone()
        return int(row[0]) if row else 0


def _at(database: str) -> dict[str, str]:
    return {"EMBEDDED_DATABASE": database}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        connection = http.client.HTTPConnection(address, timeout=10)
        try:
            connection.request("GET", "/health/")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise SystemExit(f"网站没有启动，见 {log}：\n{tail(log, 20)}")
