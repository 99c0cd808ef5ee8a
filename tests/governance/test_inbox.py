"""One's own messages, and nobody else's."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Message


@pytest.fixture
def wang(client, cast):
    client.force_login(cast.wang_fang)
    return client


def message(recipient, title="交办：井盖松动", *, url="/inbox/?kind=due", delivered=True, **fields):
    return Message.objects.create(
        key=f"test:{Message.objects.count()}",
        recipient=recipient,
        kind="event",
        title=title,
        body="编号在此，现为待签收。",
        url=url,
        delivered_at=timezone.now() if delivered else None,
        **fields,
    )


def read(row):
    return Message.objects.get(pk=row.pk).read_at is not None


def test_the_inbox_lists_what_was_delivered_to_me(wang, cast):
    message(cast.wang_fang, "给王芳")
    message(cast.ma_li, "给马丽")
    message(cast.wang_fang, "还在路上", delivered=False)
    page = wang.get("/inbox/").text
    assert "给王芳" in page
    assert "给马丽" not in page
    assert "还在路上" not in page


def test_only_unread_ones_are_listed_when_asked(wang, cast):
    message(cast.wang_fang, "没看过")
    message(cast.wang_fang, "看过了", read_at=timezone.now())
    page = wang.get("/inbox/?unread=1").text
    assert "没看过" in page
    assert "看过了" not in page


def test_opening_a_message_reads_it_and_leads_to_its_page(wang, cast):
    row = message(cast.wang_fang)
    assert wang.get(f"/inbox/{row.pk}/").url == "/inbox/?kind=due"
    assert read(row)


@pytest.mark.parametrize("url", ["", "https://example.com/", "//example.com/"])
def test_a_message_never_leads_to_another_site(wang, cast, url):
    row = message(cast.wang_fang, url=url)
    assert wang.get(f"/inbox/{row.pk}/").url == "/inbox/"


def test_the_messages_of_others_are_not_found_and_stay_unread(wang, cast):
    row = message(cast.ma_li)
    assert wang.get(f"/inbox/{row.pk}/").status_code == 404
    assert wang.post(f"/inbox/{row.pk}/read/").status_code == 404
    assert wang.get("/inbox/99999999999999999999/").status_code == 404
    assert not read(row)


def test_one_message_is_marked_as_read(wang, cast):
    first, second = message(cast.wang_fang), message(cast.wang_fang)
    assert wang.post(f"/inbox/{first.pk}/read/").status_code == 302
    assert read(first)
    assert not read(second)


def test_all_my_messages_are_marked_as_read_and_nobody_elses(wang, cast):
    mine, other = message(cast.wang_fang), message(cast.ma_li)
    assert wang.post("/inbox/read/").status_code == 302
    assert read(mine)
    assert not read(other)


def test_marking_takes_a_post(wang, cast):
    row = message(cast.wang_fang)
    assert wang.get("/inbox/read/").status_code == 405
    assert wang.get(f"/inbox/{row.pk}/read/").status_code == 405
    assert not read(row)


def test_the_frame_counts_what_is_unread(wang, cast):
    for _ in range(3):
        message(cast.wang_fang)
    assert "3 条未读" in wang.get("/inbox/").text


def test_a_title_with_markup_stays_text(wang, cast):
    message(cast.wang_fang, "<script>alert(1)</script>😀𠮷")
    page = wang.get("/inbox/").text
    assert "<script>alert" not in page
    assert "😀𠮷" in page


def test_who_is_not_signed_in_is_led_to_the_sign_in_page(client, db):
    assert client.get("/inbox/").url == "/login/?next=/inbox/"
    assert client.post("/inbox/read/").url == "/login/?next=/inbox/read/"


def test_the_number_of_queries_does_not_grow_with_the_messages(wang, cast):
    for _ in range(3):
        message(cast.wang_fang)
    queries = count_queries(wang)
    for _ in range(27):
        message(cast.wang_fang)
    assert count_queries(wang) == queries


def count_queries(client):
    client.get("/inbox/")  # what is kept in memory is read
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/inbox/").status_code == 200
    return len(captured)
