"""Data folders for servers that a test starts and breaks."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def data_folder() -> Iterator[Path]:
    """Point VAR_DIR to a data folder of one's own, with a path that is not easy."""
    # Not tmp_path: that one is closed to the servers' user when root runs the tests.
    top = Path(tempfile.mkdtemp(prefix="governance-var-"))
    top.chmod(0o755)
    folder = top / "数据 folder"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VAR_DIR", str(folder))
        environment.delenv("EMBEDDED_DATABASE")
        environment.delenv("EMBEDDED_REDIS_DB")
        yield folder
    shutil.rmtree(top)


@pytest.fixture
def var() -> Iterator[Path]:
    """A data folder for servers of this test's own."""
    with data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def module_var() -> Iterator[Path]:
    """A data folder which the tests of a module use one after the other."""
    with data_folder() as folder:
        yield folder
