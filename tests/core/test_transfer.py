"""What goes over the wire."""

from __future__ import annotations

import gzip

import pytest
from django.test import Client
from pytest_django import Settings

from tests.api.phone import Phone
from tests.cast import Cast

GZIP = {"Accept-Encoding": "gzip, br"}


def test_a_page_is_compressed_for_a_browser_that_can_read_it(client: Client, cast: Cast) -> None:
    client.force_login(cast.chen_jing)
    answer = client.get("/issues/", headers=GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert "<title>问题" in gzip.decompress(answer.content).decode()
    assert "Content-Encoding" not in client.get("/issues/").headers


def test_the_same_answer_of_the_api_is_not_sent_twice(client: Client, cast: Cast) -> None:
    issue = cast.report()
    client.force_login(cast.chen_jing)
    url = f"/api/v1/issues/{issue.pk}"
    first = client.get(url, headers=GZIP)
    known = {**GZIP, "If-None-Match": first.headers["ETag"]}
    unchanged = client.get(url, headers=known)
    assert unchanged.status_code == 304
    assert unchanged.headers["Cache-Control"] == "private, no-cache"
    cast.report()
    assert client.get("/api/v1/issues", headers=known).status_code == 200


def test_a_page_has_no_mark_to_compare_since_its_form_token_is_new_each_time(
    client: Client, cast: Cast
) -> None:
    client.force_login(cast.chen_jing)
    assert "ETag" not in client.get("/issues/").headers


# --- for whom ---


@pytest.mark.parametrize(
    "path",
    ["/", "/issues/", "/issues/desk/", "/issues/desk/counts/", "/search/?q=井盖", "/issues/0/"],
)
def test_a_page_is_kept_for_nobody_else(client: Client, cast: Cast, path: str) -> None:
    client.force_login(cast.chen_jing)
    answer = client.get(path)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in answer.headers["Vary"].split(", ")


def test_an_answer_of_the_api_is_kept_for_nobody_else(cast: Cast) -> None:
    answer = Phone(cast.wang_fang).read("/issues")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Authorization"} <= set(answer.headers["Vary"].split(", "))


def test_what_says_itself_how_long_it_may_be_kept_is_believed(
    client: Client, db: None, settings: Settings
) -> None:
    settings.WHITENOISE_USE_FINDERS = True
    static = client.get("/static/css/search.css")
    assert static.getvalue()  # to its end, which closes the file
    assert "public" in static.headers["Cache-Control"]
    assert "no-store" in client.get("/health/").headers["Cache-Control"]
