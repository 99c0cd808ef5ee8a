"""What the fixtures of this test suite promise."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from playwright.sync_api import Page
from pytest_socket import SocketConnectBlockedError

from governance.celery import app as celery_app
from tests import databases
from tests.plugin import BASE_DIR, SERVERS
from tests.processes import Platform


def current_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return str(cursor.fetchone()[0])


def test_a_run_that_is_told_to_end_leaves_nothing_behind(tmp_path: Path) -> None:
    waiting = tmp_path / "test_waiting.py"
    waiting.write_text(
        "import time\n"
        "from tests.plugin import SERVERS\n"
        "def test_waiting():\n"
        "    print(SERVERS.var, SERVERS.run, flush=True)\n"
        "    time.sleep(600)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-p", "tests.plugin", "-s", "-q"]
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    run = subprocess.Popen(
        [*command, "--noconftest", "--config-file", os.devnull, waiting],
        cwd=BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    folders = next(line.split() for line in run.stdout if "governance-test-" in line)
    assert all(Path(folder).is_dir() for folder in folders)

    run.terminate()
    run.communicate()

    assert not any(Path(folder).exists() for folder in folders)


@pytest.mark.django_db
def test_a_test_with_db_has_this_process_database() -> None:
    assert current_database() == settings.DATABASES["default"]["NAME"]


def test_a_committing_test_has_a_database_of_its_own(committed_db: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE left_over ()")

    assert current_database() == committed_db


def test_what_the_test_before_committed_is_gone(committed_db: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('left_over') IS NULL")
        assert cursor.fetchone() == (True,)


def test_the_connection_returns_to_the_first_database() -> None:
    databases.clone("empty", "elsewhere")
    before = connection.settings_dict["NAME"]
    with databases.connected_to("elsewhere"):
        pass
    databases.drop("elsewhere")

    assert connection.settings_dict["NAME"] == before


def test_only_this_machine_can_be_reached() -> None:
    with (
        socket.socket() as client,
        pytest.warns(UserWarning, match="tried to use"),
        pytest.raises(SocketConnectBlockedError),
    ):
        client.connect(("192.0.2.1", 80))


def test_a_browser_reads_the_health_page(platform: Platform, page: Page) -> None:
    page.goto(f"{platform.url}/health/")

    assert page.inner_text("body") == '{"database": "ok", "redis": "ok"}'


def test_a_page_that_is_not_there_is_reported(
    platform: Platform, phone_page: Page, page_problems: list[str]
) -> None:
    address = f"{platform.url}/static/nothing.css"
    phone_page.goto(address)

    assert page_problems == [f"404 GET {address}"]
    page_problems.clear()


def test_processes_run_on_a_database_of_their_own(platform: Platform) -> None:
    assert current_database() == platform.database


def test_a_killed_worker_can_be_replaced_at_another_time(platform: Platform) -> None:
    platform.kill("worker")
    assert not celery_app.control.ping(timeout=0.5)

    platform.start_worker(at=datetime(2030, 5, 1, 1, 0, tzinfo=UTC))
    assert celery_app.control.ping(timeout=5)
    assert "2030-05-01" in platform.log("worker").read_text("utf-8")
    assert list((SERVERS.var / "tmp").glob("pymp-*"))  # which goes with the run


def test_the_cache_is_empty_at_first() -> None:
    assert cache.get_or_set("first", "this test") == "this test"


def test_the_cache_is_empty_again() -> None:
    assert cache.get_or_set("first", "this test too") == "this test too"
