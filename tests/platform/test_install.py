"""bin/install on machines that lack something."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.plugin import BASE_DIR

TOOLS = ["cat", "cmp", "cp", "dirname", "rm", "sh"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing installed, and a machine that has only the most common tools."""
    folder = tmp_path / "检出 folder"
    shutil.copytree(BASE_DIR / "bin", folder / "bin")
    shutil.copytree(BASE_DIR / "requirements", folder / "requirements")
    shutil.copy(BASE_DIR / "package-lock.json", folder)
    (tmp_path / "tools").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (tmp_path / "tools" / tool).symlink_to(found)
    return folder


def give(checkout: Path, program: str, script: str) -> None:
    """Put a program on the machine."""
    path = checkout.parent / "tools" / program
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)


def install(checkout: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", checkout / "bin" / "install", "embedded"],
        env={"PATH": str(checkout.parent / "tools")},
        capture_output=True,
        text=True,
    )


def test_no_python_gets_a_sentence(checkout: Path) -> None:
    answer = install(checkout)

    assert answer.returncode == 1
    assert answer.stderr.startswith("需要 Python 3.11 至 3.14")


def test_an_old_python_gets_the_same_sentence(checkout: Path) -> None:
    give(checkout, "python3", "exit 1  # what the question for the version answers")

    assert install(checkout).stderr.startswith("需要 Python 3.11 至 3.14")


def test_a_python_without_venv_gets_a_sentence(checkout: Path) -> None:
    give(
        checkout,
        "python3",
        'case "$1" in -c) ;; *) echo "ensurepip is not available"; exit 1; esac',
    )
    answer = install(checkout)

    assert answer.returncode == 1
    assert "ensurepip is not available" in answer.stderr
    assert "请先安装 python3-venv" in answer.stderr
    assert not (checkout / ".venv").exists()


def test_an_interrupted_installation_is_not_taken_for_a_finished_one(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    shutil.copy(checkout / "requirements" / "embedded.txt", checkout / ".venv")

    assert install(checkout).returncode == 1


def test_what_is_installed_is_not_installed_again(checkout: Path) -> None:
    tools = checkout / ".venv" / "bin"
    tools.mkdir(parents=True)
    (tools / "python").write_text("#!/bin/sh\n", "utf-8")
    (tools / "python").chmod(0o755)
    lock = checkout / "requirements" / "embedded.txt"
    shutil.copy(lock, checkout / ".venv" / "installed-embedded.txt")
    (checkout / "node_modules").mkdir()
    shutil.copy(checkout / "package-lock.json", checkout / "node_modules" / ".installed-lock.json")

    answer = install(checkout)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")

    lock.write_text(f"{lock.read_text('utf-8')}# renewed\n", "utf-8")
    assert install(checkout).stdout == "安装 Python 包（embedded）…\n"


# --- what is installed ---


def pinned(lock: str) -> dict[str, str]:
    """Package → version of a lock file."""
    text = (BASE_DIR / "requirements" / f"{lock}.txt").read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE))


def declared() -> set[str]:
    """What the platform itself needs to run, by pyproject.toml."""
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text("utf-8"))["project"]
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in project["dependencies"])
    return {re.sub(r"[._-]+", "-", name[0]).lower() for name in names if name}


@pytest.mark.parametrize("lock", ["production", "embedded", "dev"])
def test_each_lock_holds_everything_that_the_platform_needs(lock: str) -> None:
    assert declared() <= pinned(lock).keys()


@pytest.mark.parametrize("larger", ["embedded", "dev"])
def test_who_runs_it_gets_the_packages_of_production_in_the_same_versions(larger: str) -> None:
    assert pinned("production").items() <= pinned(larger).items()


def test_who_works_on_it_has_what_make_up_installs() -> None:
    assert pinned("embedded").items() <= pinned("dev").items()
