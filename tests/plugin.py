"""The services of a test run: a PostgreSQL and a Redis of its own.

Loaded with ``-p tests.plugin``, because Django reads its settings before any conftest. Importing
it says in the environment where the servers will be; the process that controls the run starts them,
and the parallel workers, which inherit the environment, find them running.
"""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from governance import embedded
from tests.browser import find_chromium

BASE_DIR = Path(__file__).resolve().parent.parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")  # "gw0", "gw1" …; empty in the controller

_use = pytest.StashKey[embedded.Use]()


def _prepare_environment() -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "MEDIA_ROOT", "DEBUG"):
        os.environ.pop(name, None)
    if not WORKER:
        var = Path(tempfile.mkdtemp(prefix="governance-test-"))
        left_over = var / "tmp"  # of processes that a test kills
        for folder in (var / "static", left_over):
            folder.mkdir()
        for folder in (var, left_over):
            folder.chmod(0o755)  # the servers' user has to pass when root runs the tests
        os.environ["VAR_DIR"] = str(var)
        os.environ["TMPDIR"] = str(left_over)
        atexit.register(shutil.rmtree, var, ignore_errors=True)
        # Whoever ends the run, it ends as by Ctrl-C: servers stopped, folder removed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    number = int(WORKER.removeprefix("gw")) + 1 if WORKER else 0
    os.environ["EMBEDDED_DATABASE"] = f"test_{WORKER or 'main'}"
    os.environ["EMBEDDED_REDIS_DB"] = str(2 * number)
    # Playwright's event loop runs in the thread of the tests.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


_prepare_environment()
SERVERS = embedded.locate(BASE_DIR)


def pytest_configure(config: pytest.Config) -> None:
    if WORKER:
        return
    try:
        config.stash[_use] = embedded.use(SERVERS, disposable=True)
    except embedded.Trouble as trouble:
        raise pytest.UsageError(str(trouble)) from None


def pytest_unconfigure(config: pytest.Config) -> None:
    if use := config.stash.get(_use, None):
        use.release()
        use.wait_until_stopped()


def pytest_report_header() -> str:
    return f"chromium: {find_chromium() or 'not found, so the browser tests are skipped'}"
