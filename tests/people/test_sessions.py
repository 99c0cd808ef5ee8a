"""Who is signed in, for how long, and what that costs a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from people.models import User
from tests.cast import PASSWORD, Cast

PAGE = "/inbox/"
NOBODY_THERE = "unix:///nowhere/redis.sock?db=0"


@pytest.fixture(autouse=True)
def _monday_morning(time_machine: Any) -> None:
    time_machine.move_to("2025-03-03T09:00:00+08:00", tick=False)


@pytest.fixture
def browser(cast: Cast) -> Client:
    return signed_in()


@pytest.fixture
def without_redis(settings: Any) -> Callable[[], None]:
    """From when it is called, nothing answers where Redis was."""

    def stop() -> None:
        default = {**settings.CACHES["default"], "LOCATION": NOBODY_THERE}
        settings.CACHES = {"default": default}

    return stop


def signed_in() -> Client:
    client = Client()
    answer = client.post("/login/", {"username": "wang_fang", "password": PASSWORD})
    assert answer.url == "/"
    return client


def is_in(client: Client) -> bool:
    answer = client.get(PAGE)
    assert answer.status_code in (200, 302)
    return answer.status_code == 200


def ends_at() -> datetime:
    return Session.objects.get().expire_date


def statements_on_sessions(client: Client, url: str = PAGE) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return [query["sql"].split()[0] for query in captured if "django_session" in query["sql"]]


# --- what it costs ---


def test_within_a_minute_a_page_asks_nothing_of_the_table_of_sessions(
    browser: Client, time_machine: Any
) -> None:
    time_machine.shift(59)
    assert statements_on_sessions(browser) == []


def test_after_a_minute_a_page_prolongs_the_session_once(
    browser: Client, time_machine: Any
) -> None:
    before = ends_at()
    time_machine.shift(60)
    assert statements_on_sessions(browser) == ["UPDATE"]
    assert ends_at() - before == timedelta(minutes=1)
    assert statements_on_sessions(browser) == []


# --- how long it lasts ---


def test_half_an_hour_without_a_page_signs_out(browser: Client, time_machine: Any) -> None:
    time_machine.shift(29 * 60)
    assert is_in(browser)
    time_machine.shift(29 * 60 + 59)
    assert is_in(browser)
    time_machine.shift(30 * 60)
    cache.clear()  # Redis drops its copy by its own clock, which a test does not move
    assert not is_in(browser)


def test_what_a_timer_asks_does_not_keep_anybody_signed_in(
    browser: Client, time_machine: Any
) -> None:
    before = ends_at()
    time_machine.shift(10 * 60)
    assert statements_on_sessions(browser, "/issues/desk/counts/") == []
    assert ends_at() == before


# --- how it ends ---


def test_a_session_is_over_once_it_was_signed_out_wherever_its_key_has_gone(
    browser: Client,
) -> None:
    stolen = Client()
    stolen.cookies = browser.cookies.copy()
    assert is_in(stolen)
    browser.post("/logout/")
    assert not is_in(stolen)


def test_a_new_password_ends_the_other_sessions(browser: Client) -> None:
    elsewhere = signed_in()
    browser.post(
        "/password/",
        {
            "old_password": PASSWORD,
            "new_password1": "Taihu-lake-7!",
            "new_password2": "Taihu-lake-7!",
        },
    )
    assert is_in(browser)
    assert not is_in(elsewhere)


def test_a_copy_in_redis_ends_with_its_next_save_when_the_sign_out_did_not_reach_it(
    browser: Client, time_machine: Any
) -> None:
    Session.objects.all().delete()
    time_machine.shift(60)
    assert browser.get(PAGE).status_code == 400
    assert not is_in(browser)


# --- without Redis ---


def test_an_emptied_redis_signs_nobody_out(browser: Client) -> None:
    cache.clear()
    assert is_in(browser)
    assert statements_on_sessions(browser) == []  # and it has the session again


def test_pages_sign_ins_and_sign_outs_work_while_redis_is_down(
    browser: Client, without_redis: Callable[[], None], time_machine: Any
) -> None:
    without_redis()
    assert is_in(browser)
    time_machine.shift(60)
    before = ends_at()
    assert is_in(browser)
    assert ends_at() - before == timedelta(minutes=1)
    another = signed_in()
    assert is_in(another)
    another.post("/logout/")
    assert not is_in(another)
    assert is_in(browser)


# --- whose it is ---


def test_account_and_postings_of_a_page_come_in_one_statement(browser: Client) -> None:
    with CaptureQueriesContext(connection) as captured:
        browser.get(PAGE)
    assert sum("people_user" in query["sql"] for query in captured) == 1
    assert sum("people_posting" in query["sql"] for query in captured) == 1


def test_who_has_no_posting_today_is_still_signed_in(cast: Cast) -> None:
    cast.wang_fang.postings.update(ends_on="2025-03-02")
    assert User.objects.with_postings(pk=cast.wang_fang.pk) == cast.wang_fang
    assert is_in(signed_in())
