"""Data folders for servers that a test starts and breaks."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def var(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder for servers of this test's own, with a path that is not easy."""
    # Not tmp_path: that one is closed to the servers' user when root runs the tests.
    top = Path(tempfile.mkdtemp(prefix="governance-var-"))
    top.chmod(0o755)
    folder = top / "数据 folder"
    monkeypatch.setenv("VAR_DIR", str(folder))
    monkeypatch.delenv("EMBEDDED_DATABASE")
    monkeypatch.delenv("EMBEDDED_REDIS_DB")
    yield folder
    shutil.rmtree(top)
