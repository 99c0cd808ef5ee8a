"""``make up``: the whole platform on one machine, until Ctrl-C."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from governance.embedded.places import Servers
from governance.embedded.processes import Lock, spawn, stop, tail
from governance.embedded.trouble import Trouble
from governance.embedded.using import Use, make_folders, use

_LOOK_EVERY = 0.3  # seconds
_PATIENCE = 90  # seconds until the first page must answer
_MOST_RESTARTS = 5  # of one process …
_RESTART_WINDOW = 60  # … within so many seconds, then everything stops
_SOURCES = ("governance", "meetings", "projects", "issues", "people", "areas", "core", "templates")


@dataclass
class _Part:
    """One of the processes of the platform: a script in ``deploy/`` and how it fared."""

    name: str
    label: str
    arguments: list[str]
    process: "subprocess.Popen[bytes] | None" = None
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_RESTARTS))


class _Stopped(Exception):
    """Somebody asked the platform to stop while it was starting."""


class Supervisor:
    """Starts servers and processes of the platform, watches them, and ends them in order."""

    def __init__(
        self, servers: Servers, *, host: str, port: int, reference: str | None, reloading: bool
    ) -> None:
        self._servers = servers
        self._host = host
        self._port = port
        self._reference = reference
        self._reloading = reloading
        self._embedded = not os.environ.get("DATABASE_URL")
        self._asked_to_stop = threading.Event()
        self._terminal_is_there = True
        self._parts = [
            _Part("web", "网站", ["--bind", f"{host}:{port}"]),
            _Part("worker", "后台任务", []),
            _Part("beat", "定时任务", []),
            _Part("exporter", "导出任务", []),
        ]

    def run(self) -> None:
        """Run until asked to stop. Raises Trouble when the platform cannot start or go on."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
            signal.signal(signal.SIGHUP, self._ask_to_stop)
        self._refuse_second_start()
        self._refuse_busy_port()
        with contextlib.suppress(_Stopped), self._database() as database:
            try:
                self._prepare()
                self._start_everything()
                self._watch(database)
            finally:
                self._stop_parts()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_stop.set()

    def _say(self, text: str) -> None:
        if not self._terminal_is_there:
            return
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError:  # the terminal was closed
            self._terminal_is_there = False
            self._asked_to_stop.set()

    # --- before ---

    def _refuse_second_start(self) -> None:
        make_folders(self._servers)
        self._only_one = Lock(self._servers.locks / "up")
        if not self._only_one.try_exclusive():
            raise Trouble("这个目录里已经运行着一个 make up：请用它，或先按 Ctrl-C 结束它。")

    def _refuse_busy_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, self._port))
            except PermissionError:
                raise Trouble(
                    f"没有权限使用端口 {self._port}："
                    "请换一个 1024 以上的端口，例如 PORT=8001 make up。"
                ) from None
            except OSError as error:
                raise Trouble(
                    f"不能使用 {self._host}:{self._port}（{error.strerror}）："
                    f"请结束占用这个端口的程序，或换一个端口，例如 PORT={self._port + 1} make up。"
                ) from None

    @contextlib.contextmanager
    def _database(self) -> Iterator[Use | None]:
        if not self._embedded:
            self._say("使用 DATABASE_URL 和 REDIS_URL 指定的服务器。")
            yield None
            return
        if self._servers.moved:
            self._say(f"以 root 运行，而 nobody 进不了这个目录：数据放在 {self._servers.var}。")
        self._say("启动 PostgreSQL 和 Redis …")
        database = use(self._servers)
        try:
            yield database
        finally:
            database.release()
            if database.wait_until_stopped():
                self._say("PostgreSQL 和 Redis 已停止，数据已保存。")
            else:
                self._say("还有别的命令在使用 PostgreSQL 和 Redis，它们结束后会自动停止。")

    # --- start ---

    def _prepare(self) -> None:
        """Bring tables, static files and, on the first start, the reference district in place."""
        arguments = ["--reference", self._reference] if self._embedded and self._reference else []
        if self._reloading:
            arguments.append("--skip-static")
        preparing = spawn(
            [self._servers.base_dir / "deploy" / "migrate", *arguments],
            log=None,
            env=self._environment(LOG_LEVEL="WARNING"),
        )
        while preparing.poll() is None:
            if self._asked_to_stop.wait(0.05):
                stop(preparing, signal.SIGTERM, patience=10)
                raise _Stopped
        if preparing.returncode:
            raise Trouble("准备数据没有成功（见上面的信息）：排除原因后再启动，已有数据不受影响。")

    def _start_everything(self) -> None:
        web, *others = self._parts
        self._say("启动网站 …")
        self._start(web)
        accounts = self._demo_accounts()
        deadline = time.monotonic() + _PATIENCE
        while not self._first_page_answers():
            if web.process and web.process.poll() is not None:
                last = "" if self._reloading else tail(self._log(web), 20)
                raise Trouble(f"网站没有启动：\n{last}")
            if time.monotonic() > deadline:
                raise Trouble(f"网站在 {_PATIENCE} 秒内没有应答：请查看 {self._log(web)}。")
            if self._asked_to_stop.wait(0.1):
                raise _Stopped
        for part in others:
            self._start(part)
        self._say(f"\n平台已就绪：http://{self._address()}\n")
        if accounts:
            table = accounts.communicate()[0].decode("utf-8", "replace").strip()
            if accounts.returncode == 0:
                self._say(f"{table}\n")
        logs = "" if self._reloading else f"日志在 {self._servers.logs}。"
        self._say(f"{logs}按 Ctrl-C 结束。")

    def _start(self, part: _Part) -> None:
        part.process = spawn(
            [self._servers.base_dir / "deploy" / part.name, *part.arguments],
            log=None if self._reloading else self._log(part),
            env=self._environment(),
        )

    def _demo_accounts(self) -> "subprocess.Popen[bytes] | None":
        if not self._embedded:
            return None
        return subprocess.Popen(
            [sys.executable, "manage.py", "demo_accounts"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._servers.base_dir,
            env=self._environment(LOG_LEVEL="WARNING"),
        )

    def _environment(self, **more: str) -> Mapping[str, str]:
        if self._reloading:
            more["DEBUG"] = "true"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return os.environ | {"PATH": path} | more

    def _log(self, part: _Part) -> Path:
        return self._servers.logs / f"{part.name}.log"

    def _address(self) -> str:
        is_everywhere = self._host == "0.0.0.0"  # noqa: S104 - compared, not bound
        return f"{'127.0.0.1' if is_everywhere else self._host}:{self._port}"

    def _first_page_answers(self) -> bool:
        connection = http.client.HTTPConnection(self._address(), timeout=30)
        try:
            connection.request("GET", "/health/")
            healthy = connection.getresponse()
            healthy.read()
            connection.request("GET", "/")
            return healthy.status == 200 and connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    # --- watch ---

    def _watch(self, database: Use | None) -> None:
        sources = self._newest_source()
        while not self._asked_to_stop.wait(_LOOK_EVERY):
            if database and not database.is_alive():
                raise Trouble(
                    f"PostgreSQL 或 Redis 意外结束，平台已停止：请查看 {self._servers.logs}。"
                )
            if self._reloading and (newest := self._newest_source()) != sources:
                sources = newest
                self._say("代码有修改，重新启动 …")
                self._stop_parts()
                for part in self._parts:
                    self._start(part)
            for part in self._parts:
                if part.process and part.process.poll() is not None:
                    self._replace(part, part.process.returncode)

    def _replace(self, part: _Part, code: int) -> None:
        """Start a process that ended by itself again, unless it does so over and over."""
        if self._reloading:
            self._say(f"{part.label}意外结束（{code}），等待下一次修改。")
            part.process = None
            return
        now = time.monotonic()
        if len(part.restarts) == _MOST_RESTARTS and now - part.restarts[0] < _RESTART_WINDOW:
            raise Trouble(
                f"{part.label}反复意外结束，平台已停止。{self._log(part)} 最后的记录：\n"
                f"{tail(self._log(part), 20)}"
            )
        part.restarts.append(now)
        self._say(f"{part.label}意外结束（{code}），重新启动。原因见 {self._log(part)}。")
        if part.process:
            stop(part.process, signal.SIGTERM, patience=0)  # what it left in its process group
        self._start(part)

    def _newest_source(self) -> float:
        if not self._reloading:
            return 0
        return max(
            file.stat().st_mtime
            for folder in _SOURCES
            for file in (self._servers.base_dir / folder).rglob("*.*")
            if file.suffix in (".py", ".html") and file.is_file()
        )

    # --- stop ---

    def _stop_parts(self) -> None:
        """End the web server first, so that nobody adds work; then the others side by side."""
        web, *others = self._parts
        for together in ([web], others):
            running = [part for part in together if part.process]
            for part in running:
                self._say(f"结束{part.label} …")
                if part.process and part.process.poll() is None:
                    part.process.terminate()
            for part in running:
                if part.process:
                    stop(part.process, None, patience=20)
                part.process = None
