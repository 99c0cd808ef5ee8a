"""Fixtures for databases, processes and the browser. The people and places stand in ``cast.py``."""

import os
from collections.abc import Iterator

import hypothesis
import pytest
from django.core.cache import caches
from django.db import connections, transaction
from django.test import override_settings
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from tests import databases
from tests.browser import NARROW, WIDE, find_chromium, launch, open_page
from tests.cast import Cast, assemble
from tests.processes import Platform, running_platform

# No deadline: a busy machine must not fail a test.
hypothesis.settings.register_profile("short", max_examples=50, deadline=None)
hypothesis.settings.register_profile("long", max_examples=5000, deadline=None)


@pytest.fixture(scope="session", autouse=True)
def _plain_static_files() -> Iterator[None]:
    """Serve static files as they lie in the tree; only the processes of `platform` collect them."""
    storages = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with override_settings(STORAGES=storages, WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Forget what throttles and caches counted in the test before."""
    for cache in caches.all(initialized_only=True):
        cache.clear()


# --- databases ---


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Give this process its migrated database; `db` rolls each test back in it."""
    with django_db_blocker.unblock():
        databases.clone("empty", connections.settings["default"]["NAME"])


@pytest.fixture(scope="session")
def _small_district(django_db_setup: None) -> str:
    name = databases.unused_name()
    databases.clone("small", name)
    return name


@pytest.fixture
def reference_db(
    request: pytest.FixtureRequest, _small_district: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The small reference district, as the loader leaves it; rolled back after the test."""
    _refuse_second_database(request)
    with django_db_blocker.unblock(), databases.connected_to(_small_district):
        rolled_back = transaction.atomic()
        # As TestCase does: lets `durable` blocks run inside.
        rolled_back._from_testcase = True  # type: ignore[attr-defined]
        with rolled_back:
            yield
            transaction.set_rollback(True)


@pytest.fixture
def committed_db(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """A database for one test that commits, with several threads or processes. Gives its name."""
    _refuse_second_database(request)
    yield from _own_database("empty", django_db_blocker)


@pytest.fixture
def committed_reference_db(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """Like `committed_db`, with the small reference district in it."""
    _refuse_second_database(request)
    yield from _own_database("small", django_db_blocker)


def _own_database(template: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    name = databases.unused_name()
    databases.clone(template, name)
    with django_db_blocker.unblock(), databases.connected_to(name):
        yield name
    databases.drop(name)


def _refuse_second_database(request: pytest.FixtureRequest) -> None:
    wanted = {"db", "reference_db", "committed_db", "committed_reference_db", "platform"}
    asked = wanted & set(request.fixturenames)
    if request.node.get_closest_marker("django_db"):
        asked.add("db")
    if len(asked) > 1:
        pytest.fail(f"one test, one database: {', '.join(sorted(asked))}")


@pytest.fixture
def cast(db: None) -> Cast:
    """The named people and places, in an otherwise empty district."""
    return assemble()


# --- processes ---


@pytest.fixture(scope="module")
def platform(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Platform]:
    """Web server and worker on an empty district, for all tests of a module."""
    with django_db_blocker.unblock(), running_platform("empty") as running:
        yield running


@pytest.fixture(scope="module")
def reference_platform(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Platform]:
    """Web server and worker on the small reference district, for all tests of a module."""
    with django_db_blocker.unblock(), running_platform("small") as running:
        yield running


# --- browser ---


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one the test is skipped, or fails where REQUIRE_BROWSER is set."""
    executable = find_chromium()
    if executable is None:
        reason = "no Chromium on this machine: install the package chromium, or set CHROMIUM"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        running = launch(playwright, executable)
        yield running
        running.close()


@pytest.fixture
def page_problems() -> list[str]:
    """What went wrong on the pages of this test; a test that wants a 4xx removes it from here."""
    return []


@pytest.fixture
def page(browser: Browser, page_problems: list[str]) -> Iterator[Page]:
    """A page 1440 pixels wide."""
    with open_page(browser, WIDE, page_problems) as wide:
        yield wide
    assert page_problems == []


@pytest.fixture
def phone_page(browser: Browser, page_problems: list[str]) -> Iterator[Page]:
    """A page 390 pixels wide."""
    with open_page(browser, NARROW, page_problems) as narrow:
        yield narrow
    assert page_problems == []
