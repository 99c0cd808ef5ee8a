from pathlib import Path

import pytest
from pytest_django import Settings

from tests.api.phone import Phone
from tests.cast import Cast


@pytest.fixture(autouse=True)
def _own_uploads(settings: Settings, tmp_path: Path) -> None:
    """Keep the uploads of each test apart: the workers of a run share the usual folder."""
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def phone(cast: Cast) -> Phone:
    """王芳's, signed in before anything is watched."""
    return Phone(cast.wang_fang)
