"""``make up``: it says what it does, starts everything, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from governance.embedded import Servers, locate, use
from governance.embedded.processes import Lock
from tests.platform.running import processes_of, wait_until_gone
from tests.plugin import BASE_DIR

PATIENCE = 120  # seconds; the machine may be busy with other tests


class Up:
    """A running ``make up`` whose terminal the test reads."""

    def __init__(self, terminal: Path, port: int) -> None:
        self.terminal = terminal
        self.url = f"http://127.0.0.1:{port}"
        with terminal.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "governance.embedded", "up"],
                cwd=BASE_DIR,
                env=os.environ | {"PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.terminal.read_text("utf-8")

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"make up did not say “{text}” but:\n{self.said()}")
            time.sleep(0.1)

    def end(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def servers(module_var: Path) -> Servers:
    """The servers of all tests here: each starts and ends the platform on the same data."""
    return locate(BASE_DIR)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def up(servers: Servers, tmp_path: Path, port: int) -> Iterator[Up]:
    started = Up(tmp_path / "terminal", port)
    started.wait_for("日志在")  # the last line of the start
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.wait()
    wait_until_gone(servers)


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def connect(servers: Servers) -> psycopg.Connection:
    return psycopg.connect(host=str(servers.run), user="postgres", dbname="governance")


def assert_said_in_order(said: str, *texts: str) -> None:
    places = [said.find(text) for text in texts]
    assert -1 not in places, said
    assert places == sorted(places), said


def pid_of(servers: Servers, part: str) -> int:
    """Return the pid of the first process of a part: the one that the supervisor started."""
    return min(pid for pid, command in processes_of(servers).items() if part in command)


def test_it_runs_until_it_is_asked_to_stop(up: Up, servers: Servers) -> None:
    with urllib.request.urlopen(f"{up.url}/health/") as response:
        assert response.status == 200
    assert_said_in_order(
        up.said(), "启动 PostgreSQL", "更新数据表", "启动网站", f"平台已就绪：{up.url}", "日志在"
    )

    # A second one in the same checkout is refused; a command uses the running servers.
    second = run("-m", "governance.embedded", "up")
    assert (second.returncode, second.stdout) == (1, "")
    assert "已经运行着一个 make up：请用它，或先按 Ctrl-C 结束它" in second.stderr
    assert run("manage.py", "migrate", "--check").returncode == 0

    # A process that dies is replaced.
    os.kill(pid_of(servers, "celery --app governance.celery worker"), signal.SIGKILL)
    up.wait_for("后台任务意外结束（-9），重新启动")

    assert up.end(signal.SIGTERM) == 0
    assert_said_in_order(
        up.said(),
        "结束网站",
        "结束后台任务",
        "结束定时任务",
        "结束导出任务",
        "PostgreSQL 和 Redis 已停止",
    )
    assert processes_of(servers) == {}


def test_a_kill_leaves_no_process_and_no_damage(up: Up, servers: Servers) -> None:
    with connect(servers) as connection:
        connection.execute("CREATE TABLE kept ()")
    up.process.kill()
    up.process.wait()

    assert wait_until_gone(servers) == {}
    with use(servers) as held, connect(servers) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == ("kept",)
    assert held.wait_until_stopped()


def test_lost_servers_stop_it_with_a_sentence(up: Up, servers: Servers) -> None:
    os.kill(pid_of(servers, "postgres -D"), signal.SIGKILL)

    assert up.process.wait(PATIENCE) == 1
    assert "PostgreSQL 或 Redis 意外结束，平台已停止：请查看" in up.said()
    assert wait_until_gone(servers) == {}


def test_a_closed_terminal_ends_it(up: Up, servers: Servers) -> None:
    assert up.end(signal.SIGHUP) == 0
    assert processes_of(servers) == {}


def test_a_busy_port_gets_a_sentence(servers: Servers) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = run("-m", "governance.embedded", "up", PORT=str(port))

    assert answer.returncode == 1
    assert f"不能使用 127.0.0.1:{port}" in answer.stderr
    assert f"换一个端口，例如 PORT={port + 1} make up" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("port", ["eighty", "0", "70000", ""])
def test_a_port_that_is_none_gets_a_sentence(servers: Servers, port: str) -> None:
    answer = run("-m", "governance.embedded", "up", PORT=port)

    assert answer.returncode == 1
    assert answer.stderr.startswith("环境变量 PORT 应是 1 到 65535 的整数")


def test_servers_that_do_not_start_get_a_sentence(servers: Servers) -> None:
    answer = run("-m", "governance.embedded", "up", PG_BIN="/nowhere")

    assert answer.returncode == 1
    assert answer.stderr.startswith("/nowhere 中没有 postgres 和 initdb")


def test_a_stale_lock_file_is_no_obstacle(servers: Servers) -> None:
    lock = Lock(servers.locks / "up")
    lock.exclusive()
    lock.release()

    assert "已经运行着" not in run("-m", "governance.embedded", "up", PG_BIN="/nowhere").stderr
