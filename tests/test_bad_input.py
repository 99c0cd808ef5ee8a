"""What no page of ours would send: each gets a 4xx in Chinese and changes nothing.

Wrong values of single forms stand with their pages, the API's in ``tests/api/test_bad_input.py``.
"""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.api.unchanged import nothing_changes
from tests.cast import PASSWORD, Cast

LISTS = ["/issues/", "/areas/", "/projects/", "/meetings/", "/meetings/resolutions/", "/inbox/"]
QUERIES = [
    "sort=password",
    "after=not-a-position",
    "before=eyJhIjoxfQ:1",
    "after=a&before=b",
]
FILTERS = [
    ("/issues/", "status=solved-by-magic"),
    ("/issues/", "received_from=2025-02-30"),
    ("/issues/", "received_to=99999-01-01"),
    ("/issues/", "town=999999"),
    ("/issues/", "town=1%20OR%201%3D1"),
    ("/issues/", "q=%00"),
    ("/areas/", "type=castle"),
    ("/projects/", "year=-5"),
    ("/meetings/", "level=galaxy"),
]
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture
def dispatcher(client: Client, cast: Cast) -> Client:
    client.force_login(cast.sun_li)
    return client


@pytest.mark.parametrize("query", QUERIES)
def test_a_forged_position_or_sort_is_refused_by_every_list(dispatcher: Client, query: str) -> None:
    for path in LISTS:
        response = dispatcher.get(f"{path}?{query}")
        assert response.status_code == 400, path
        assert CHINESE.search(response.content.decode())


@pytest.mark.parametrize(("path", "query"), FILTERS)
def test_a_filter_value_that_does_not_exist_is_refused(
    dispatcher: Client, path: str, query: str
) -> None:
    response = dispatcher.get(f"{path}?{query}")
    assert response.status_code == 400
    assert CHINESE.search(response.content.decode())


@pytest.mark.parametrize(
    "path",
    [
        "/issues/99999999999999999999/",
        "/issues/-1/",
        "/issues/1e3/",
        "/issues/1/create/",
        "/issues/1/auto_acknowledge/",
        "/issues/1/photos/not-a-uuid/",
        "/areas/99999999999999999999/",
        "/projects/99999999999999999999/",
        "/meetings/99999999999999999999/",
        "/meetings/reports/2025Q5/",
        "/meetings/reports/2025Q1'--/",
        "/inbox/99999999999999999999/",
        "/figures/no-such-figure/",
        "/no/such/page/",
    ],
)
def test_what_does_not_exist_is_not_found(dispatcher: Client, path: str) -> None:
    response = dispatcher.get(path)
    assert response.status_code == 404
    assert CHINESE.search(response.content.decode())


def test_ten_megabytes_of_text_are_refused_before_they_are_read(
    dispatcher: Client, cast: Cast
) -> None:
    with nothing_changes():
        response = dispatcher.post("/issues/report/", {"text": "井" * 3_500_000})
    assert response.status_code == 413
    assert CHINESE.search(response.content.decode())


def test_more_fields_than_any_form_has_are_refused(dispatcher: Client) -> None:
    with nothing_changes():
        response = dispatcher.post("/issues/report/", {f"f{n}": "x" for n in range(2000)})
    assert response.status_code in (400, 413)
    assert CHINESE.search(response.content.decode())


def test_a_form_from_another_site_is_refused(cast: Cast) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(cast.wang_fang)
    with nothing_changes():
        response = stranger.post("/issues/report/", {"text": "井盖松动"})
    assert response.status_code == 403
    assert CHINESE.search(response.content.decode())


def test_signing_in_never_leads_to_another_site(client: Client, cast: Cast) -> None:
    response = client.post(
        "/login/?next=https://elsewhere.example/",
        {"username": "wang_fang", "password": PASSWORD, "next": "https://elsewhere.example/"},
    )
    assert (response.status_code, response.headers["Location"]) == (302, "/")
