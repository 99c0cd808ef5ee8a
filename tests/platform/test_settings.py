"""A production start with an incomplete environment stops with a sentence."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin import BASE_DIR

COMPLETE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "a secret of this test",
    "PERSONAL_DATA_KEY": "another secret of this test",
    "ALLOWED_HOSTS": "governance.example",
}
REQUIRED = ["REDIS_URL", "SECRET_KEY", "PERSONAL_DATA_KEY", "ALLOWED_HOSTS"]


def start(
    command: list[str | Path], environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    python = Path(sys.executable).parent
    return subprocess.run(
        command,
        cwd=BASE_DIR,
        env={"PATH": f"{python}{os.pathsep}{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_command_names_the_missing_variable(missing: str) -> None:
    given = {name: value for name, value in COMPLETE.items() if name != missing}
    answer = start([sys.executable, "manage.py", "check"], given)

    assert answer.returncode == 1
    assert answer.stderr.startswith(f"缺少环境变量 {missing}，平台没有启动")
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("script", ["web", "worker", "migrate"])
def test_a_process_names_the_missing_variable(script: str) -> None:
    given = {name: value for name, value in COMPLETE.items() if name != "SECRET_KEY"}
    answer = start([BASE_DIR / "deploy" / script], given)

    assert answer.returncode != 0
    assert "缺少环境变量 SECRET_KEY，平台没有启动" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_wrong_value_gets_a_sentence() -> None:
    answer = start([sys.executable, "manage.py", "check"], COMPLETE | {"CONN_MAX_AGE": "soon"})

    assert answer.returncode == 1
    assert answer.stderr.startswith("配置有误，平台没有启动")


def test_a_command_without_the_packages_says_what_to_do() -> None:
    answer = start([sys.executable, "-S", "manage.py", "check"], {})

    assert answer.returncode == 1
    assert "请先运行 make install" in answer.stderr


def test_django_finds_nothing_unsafe_in_the_production_settings() -> None:
    given = {"SECRET_KEY": "0123456789abcdefghij" * 4, "SECURE_HSTS_SECONDS": "3600"}
    answer = start([sys.executable, "manage.py", "check", "--deploy"], COMPLETE | given)

    # Both speak for domains that may not be ours: subdomains, and the list built into browsers.
    accepted = {"security.W005", "security.W021"}
    assert set(re.findall(r"security\.\w+", answer.stderr)) == accepted
    assert answer.returncode == 0
