"""The embedded servers: when they run, when they end, and what is said when they cannot."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from governance.embedded import Servers, Trouble, locate, use
from governance.embedded.places import Account, reachable
from tests.platform.running import processes_of, wait_until_dead, wait_until_gone
from tests.plugin import BASE_DIR

KEEP_USING = """
import sys
from pathlib import Path
from governance.embedded import locate, use
held = use(locate(Path(sys.argv[1])), disposable=True)
print("using", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def servers(var: Path) -> Iterator[Servers]:
    """Servers that nobody has started. However a test ends them, it leaves no socket folder."""
    servers = locate(BASE_DIR)
    yield servers
    assert wait_until_gone(servers) == {}
    assert not servers.run.exists()


def connect(servers: Servers) -> psycopg.Connection:
    return psycopg.connect(host=str(servers.run), user="postgres", dbname=servers.database)


def another_user(servers: Servers) -> "subprocess.Popen[bytes]":
    """Start another process that uses the servers until its standard input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", KEEP_USING, servers.base_dir],
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"using\n"
    return process


def stop_using(servers: Servers) -> None:
    with use(servers, disposable=True) as held:
        pass
    assert held.wait_until_stopped()


# --- where ---


def test_locating_starts_and_makes_nothing(servers: Servers) -> None:
    assert not servers.var.exists()
    assert not servers.run.exists()


def test_two_checkouts_have_nothing_in_common(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAR_DIR")
    one, other = locate(tmp_path / "one"), locate(tmp_path / "other")

    assert one.var != other.var
    assert one.run != other.run


def test_socket_paths_stay_short_in_a_deep_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path / ("深" * 50)))

    assert len(bytes(locate(BASE_DIR).run / ".s.PGSQL.5432.lock")) <= 107


def test_a_folder_closed_to_others_is_out_of_reach(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    mine = Account(os.getuid(), os.getgid())
    stranger = Account(os.getuid() + 4321, os.getgid() + 4321)

    assert reachable(closed / "below", mine)
    assert not reachable(closed / "below", stranger)


# --- secrets ---


def test_a_secret_is_made_once_and_is_private(servers: Servers) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(servers.secret, ["secret_key"] * 8))
    path = servers.var / "secrets" / "secret_key"

    assert secrets == {path.read_text("ascii")}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert servers.secret("another") not in secrets


# --- from the first user to the last ---


def test_servers_run_from_the_first_user_to_the_last(servers: Servers) -> None:
    first = use(servers, disposable=True)
    second = another_user(servers)
    assert first.started

    first.release()
    assert not first.wait_until_stopped()
    with connect(servers) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert Redis.from_url(servers.redis_url).ping()

    second.communicate()
    assert first.wait_until_stopped()
    assert wait_until_gone(servers) == {}
    assert not servers.run.exists()


def test_a_killed_user_leaves_no_process(servers: Servers) -> None:
    user = another_user(servers)
    assert len(processes_of(servers)) > 3
    user.kill()
    user.communicate()

    assert wait_until_gone(servers) == {}


def test_a_killed_keeper_leaves_no_process_and_no_obstacle(servers: Servers) -> None:
    user = another_user(servers)
    with connect(servers) as connection:
        connection.execute("CREATE TABLE kept ()")
    keepers = [pid for pid, command in processes_of(servers).items() if ".keeper" in command]
    os.kill(keepers[0], signal.SIGKILL)
    wait_until_dead(keepers[0])
    with use(servers, disposable=True) as held, connect(servers) as connection:
        assert held.started
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == ("kept",)
    user.communicate()

    assert held.wait_until_stopped()
    assert wait_until_gone(servers) == {}


def test_many_who_come_at_once_start_one_pair_of_servers(servers: Servers) -> None:
    with ThreadPoolExecutor(4) as pool:
        users = list(pool.map(another_user, [servers] * 4))
    keepers = [command for command in processes_of(servers).values() if ".keeper" in command]
    for user in users:
        user.communicate()

    assert len(keepers) == 1
    assert wait_until_gone(servers) == {}


def test_queued_work_survives_a_restart(servers: Servers) -> None:
    with use(servers) as held:
        Redis.from_url(servers.redis_url).rpush("queue", "work")
    assert held.wait_until_stopped()
    with use(servers) as held:
        assert Redis.from_url(servers.redis_url).lrange("queue", 0, -1) == [b"work"]
    assert held.wait_until_stopped()


# --- what may lie in the way ---


def test_a_stale_pid_file_of_a_living_stranger_is_no_obstacle(servers: Servers) -> None:
    stop_using(servers)
    (servers.postgres_data / "postmaster.pid").write_text(f"{os.getpid()}\n", "ascii")

    stop_using(servers)


def test_a_killed_first_start_is_no_obstacle(servers: Servers) -> None:
    draft = servers.var / "postgresql.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n", "ascii")

    stop_using(servers)


def test_a_broken_data_folder_gets_a_sentence(servers: Servers) -> None:
    stop_using(servers)
    (servers.postgres_data / "global" / "pg_control").unlink()

    with pytest.raises(Trouble, match="已损坏：请用备份恢复它；不需要其中的数据时，把它移走"):
        use(servers)
    assert wait_until_gone(servers) == {}


def test_damage_that_postgresql_finds_gets_a_sentence(servers: Servers) -> None:
    stop_using(servers)
    (servers.postgres_data / "global" / "pg_control").write_bytes(b"\0" * 8192)

    with pytest.raises(Trouble, match="PostgreSQL 没有启动，见 .*或把 .* 移走再启动"):
        use(servers)
    assert wait_until_gone(servers) == {}


def test_data_of_another_version_get_a_sentence(servers: Servers) -> None:
    stop_using(servers)
    (servers.postgres_data / "PG_VERSION").write_text("12\n", "ascii")

    with pytest.raises(Trouble, match="由 PostgreSQL 12 建立.*请用 PG_BIN"):
        use(servers)


def test_a_damaged_queue_gets_a_sentence(servers: Servers) -> None:
    with use(servers) as held:
        Redis.from_url(servers.redis_url).set("queue", "work")
    assert held.wait_until_stopped()
    log = next(servers.redis_data.rglob("*.incr.aof"))
    log.write_bytes(b"nonsense" * 100)

    with pytest.raises(Trouble, match="Redis 没有启动.*移走再启动，不会丢失业务数据"):
        use(servers)
    assert wait_until_gone(servers) == {}


def test_a_missing_postgresql_gets_a_sentence(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_BIN", "/nowhere")

    with pytest.raises(Trouble, match="/nowhere 中没有 postgres 和 initdb：请检查环境变量 PG_BIN"):
        use(servers)


def test_a_missing_redis_gets_a_sentence(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_BIN", "/nowhere/redis-server")

    with pytest.raises(Trouble, match="没有找到 Redis 程序：请运行 make install"):
        use(servers)
    assert wait_until_gone(servers) == {}


def test_a_data_folder_of_somebody_else_gets_a_sentence(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers.make_var()
    stranger = os.geteuid() + 4321
    monkeypatch.setattr(os, "geteuid", lambda: stranger)

    with pytest.raises(Trouble, match="属于系统用户 .*：请换成该用户运行，或用环境变量 VAR_DIR"):
        use(servers)


def test_a_socket_folder_open_to_others_gets_a_sentence(servers: Servers) -> None:
    servers.run.mkdir()
    servers.run.chmod(0o777)
    try:
        with pytest.raises(Trouble, match="请删除它"):
            use(servers)
    finally:
        servers.run.rmdir()


def test_whoever_comes_during_the_start_waits_for_it(servers: Servers) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(another_user, servers)
        while not (servers.locks / "start").exists():
            time.sleep(0.001)
        with use(servers, disposable=True) as held, connect(servers):
            pass
        first.result().communicate()

    assert held.wait_until_stopped()
    assert wait_until_gone(servers) == {}
