"""Using the embedded servers: they run from the first user's coming to the last one's leaving."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from governance.embedded import postgres, redis
from governance.embedded.places import Servers, reachable, service_account
from governance.embedded.processes import Lock, tail
from governance.embedded.trouble import Trouble

_PATIENCE = 90  # seconds until running servers must answer, or stopping ones be gone


class Use:
    """A share in the running servers. Ends with ``release``, ``with``, or the process itself."""

    def __init__(
        self, servers: Servers, in_use: Lock, keeper: "subprocess.Popen[bytes] | None"
    ) -> None:
        self.servers = servers
        self._in_use = in_use
        self._keeper = keeper

    @property
    def started(self) -> bool:
        """Whether the servers were down and this use started them."""
        return self._keeper is not None

    def release(self) -> None:
        self._in_use.release()

    def is_alive(self) -> bool:
        """Say whether the servers are still kept running."""
        if self._keeper:
            self._keeper.poll()
        return _is_kept(self.servers)

    def wait_until_stopped(self) -> bool:
        """After ``release``: wait for the servers to end. False when others go on using them."""
        asked = time.monotonic()
        while time.monotonic() < asked + _PATIENCE:
            if not self.is_alive():
                return True
            # The keeper looks five times a second, and holds the lock alone once it is stopping.
            if time.monotonic() > asked + 1 and _others_use(self.servers):
                return False
            time.sleep(0.05)
        return False

    def __enter__(self) -> "Use":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def use(servers: Servers, *, disposable: bool = False) -> Use:
    """Return a share in the checkout's servers, which are started when they are down.

    ``disposable`` servers never flush to the disk (tests). Raises Trouble.
    """
    make_folders(servers)
    starting = Lock(servers.locks / "start")
    try:
        starting.exclusive()
        in_use = Lock(servers.locks / "in-use")
        try:
            in_use.shared()  # waits while a keeper is stopping
            keeper = None
            if not _answer(servers):
                _prepare_socket_folder(servers.run)
                keeper = _start_keeper(servers, disposable=disposable)
        except BaseException:
            in_use.release()
            raise
        return Use(servers, in_use, keeper)
    finally:
        starting.release()


def make_folders(servers: Servers) -> None:
    """Make the folders of data, logs and locks. Raises Trouble when they are somebody else's."""
    account = service_account()
    try:
        servers.make_var()
        if servers.var.stat().st_uid != os.geteuid():
            raise servers.foreign()
        servers.logs.mkdir(exist_ok=True)
        servers.locks.mkdir(exist_ok=True)
    except PermissionError:
        raise servers.foreign() from None
    if account and not reachable(servers.var, account):
        raise Trouble(
            f"以 root 运行时 PostgreSQL 以 nobody 身份启动，而 nobody 进不了 {servers.var}："
            "请用环境变量 VAR_DIR 另指一个文件夹，或放开上级文件夹的进入权限（chmod o+x）。"
        )


def _prepare_socket_folder(folder: Path) -> None:
    """Make the private folder of the sockets; whoever can enter it can use the database."""
    account = service_account()
    owner = account.uid if account else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, owner, -1)
    except FileExistsError:
        pass
    status = folder.lstat()
    if status.st_uid != owner or status.st_mode & 0o077 or folder.is_symlink():
        raise Trouble(f"{folder} 不是本平台建立的私有文件夹：请删除它（rm -r '{folder}'）再启动。")


def _is_kept(servers: Servers) -> bool:
    keeper = Lock(servers.locks / "keeper")
    try:
        return not keeper.try_shared()
    finally:
        keeper.release()


def _others_use(servers: Servers) -> bool:
    in_use = Lock(servers.locks / "in-use")
    try:
        return in_use.try_shared()
    finally:
        in_use.release()


def _start_keeper(servers: Servers, *, disposable: bool) -> "subprocess.Popen[bytes]":
    log = servers.logs / "keeper.log"
    with log.open("ab") as errors:
        keeper = subprocess.Popen(
            [
                *(sys.executable, "-m", "governance.embedded.keeper", str(servers.base_dir)),
                *(["--disposable"] if disposable else []),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=Path(__file__).parents[2],
            env=os.environ | {"VAR_DIR": str(servers.var)},
            start_new_session=True,  # neither Ctrl-C nor a closed terminal reaches it
        )
    with cast("IO[bytes]", keeper.stdout) as answer:
        report = answer.read().decode()
    if report != "ready":
        keeper.wait()
        raise Trouble(report or f"内置数据库没有启动，见 {log}：\n{tail(log)}")
    return keeper


def _answer(servers: Servers) -> bool:
    """Say whether running servers answer; False when there is no keeper, or it ends meanwhile."""
    deadline = time.monotonic() + _PATIENCE
    while _is_kept(servers):
        if redis.answers(servers.redis_socket) and postgres.answers(servers):
            return True
        if time.monotonic() > deadline:
            raise Trouble(f"内置数据库没有应答：请稍后再试；仍不行时查看 {servers.logs}。")
        time.sleep(0.05)
    return False
