"""What goes over the wire."""

from __future__ import annotations

import gzip

from django.test import Client

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
    assert client.get(url, headers=known).status_code == 304
    cast.report()
    assert client.get("/api/v1/issues", headers=known).status_code == 200


def test_a_page_has_no_mark_to_compare_since_its_form_token_is_new_each_time(
    client: Client, cast: Cast
) -> None:
    client.force_login(cast.chen_jing)
    assert "ETag" not in client.get("/issues/").headers
