"""A register walks all its rows, in its declared orders, and refuses what it does not know."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import django_filters
import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from core.errors import Malformed
from core.keyset import Sort
from core.models import Message
from core.registers import Column, Register

NOON = datetime(2025, 9, 29, 4, 0, 0, 123456, tzinfo=UTC)


class MessageFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(label="搜索", field_name="title", lookup_expr="contains")
    kind = django_filters.ChoiceFilter(label="类别", choices=[("due", "到期"), ("urge", "催办")])
    urgent = django_filters.BooleanFilter(label="紧急")

    class Meta:
        model = Message
        fields: list[str] = []


MESSAGES = Register(
    title="消息",
    columns=(
        Column("title", "标题", link=True),
        Column("recipient", "收件人", "recipient.full_name"),
        Column("created", "生成时间", "created_at"),
    ),
    sorts={
        "created": Sort("生成时间", ("created_at", "id")),
        "held": Sort("不早于", ("not_before", "id")),
        "kind": Sort("类别", ("kind", "created_at", "id")),
        "title": Sort("标题", ("title", "id")),
    },
    default_sort="-created",
    filterset=MessageFilter,
    search="q",
    page_size=4,
    row_url=lambda row: f"/messages/{row.pk}/",
)


@pytest.fixture
def messages(wang, zhou):
    """Nineteen messages: five creation times, so many ties; every third is not held back."""
    return Message.objects.bulk_create(
        Message(
            key=f"m:{n}",
            recipient=zhou if n % 4 else wang,
            kind="due" if n % 2 else "urge",
            title=f"第{n}条",
            created_at=NOON + timedelta(microseconds=n % 5),
            not_before=None if n % 3 == 0 else NOON + timedelta(hours=n % 2),
        )
        for n in range(19)
    )


def ask(query="", *, rows=None, register=MESSAGES, **headers):
    request = RequestFactory(headers=headers).get(f"/messages/{query}")
    request.user = AnonymousUser()
    queryset = Message.objects.select_related("recipient") if rows is None else rows
    return register.respond(request, queryset)


def page(query="", register=MESSAGES):
    request = RequestFactory().get(f"/messages/{query}")
    return register.context(request, Message.objects.all())["page"]


def walk(sort):
    """Follow 下一页 to the end and 上一页 back again; return the ids of both ways."""
    there, back = [], []
    here = page(f"?sort={sort}")
    while True:
        there += [row.pk for row in here.rows]
        if not here.next_url:
            break
        here = page(here.next_url)
    while True:
        back = [row.pk for row in here.rows] + back
        if not here.previous_url:
            break
        here = page(here.previous_url)
    return there, back


@pytest.mark.parametrize("name", [*MESSAGES.sorts, *(f"-{name}" for name in MESSAGES.sorts)])
def test_paging_meets_every_row_once_forwards_and_backwards(messages, name):
    there, back = walk(name)
    assert Counter(there) == Counter(m.pk for m in messages)
    assert back == there


@pytest.mark.parametrize("name", ["held", "-held"])
def test_rows_without_a_value_come_last_in_either_direction(messages, name):
    there, _ = walk(name)
    held = [Message.objects.get(pk=pk).not_before for pk in there]
    assert None not in held[:12]
    assert set(held[12:]) == {None}
    assert held[:12] == sorted(held[:12], reverse=name.startswith("-"))


def test_a_row_that_arrives_between_two_pages_shifts_nothing(messages, wang):
    first = page("?sort=created")
    Message.objects.create(key="m:new", recipient=wang, title="新", created_at=NOON)
    second = page(first.next_url)
    assert {row.pk for row in first.rows} & {row.pk for row in second.rows} == set()


def test_filters_and_sort_stay_in_the_addresses_of_the_pages(messages):
    query = parse_qs(page("?kind=due&sort=-held&q=").next_url.removeprefix("?"))
    assert query["kind"] == ["due"]
    assert query["sort"] == ["-held"]
    assert set(query) == {"kind", "sort", "after"}


def test_another_order_begins_at_the_first_page(messages):
    request = RequestFactory().get(f"/messages/{page('?kind=due').next_url}")
    context = MESSAGES.context(request, Message.objects.all())
    urls = [choice.url for choice in context["sort_choices"]]
    assert urls
    assert not any("after" in url for url in urls)
    assert all("kind=due" in url for url in urls)


@pytest.mark.parametrize("query", ["?sort=kinds", "?sort=-body", "?sort=recipient__password"])
def test_an_undeclared_sort_is_refused(messages, query):
    response = ask(query)
    assert response.status_code == 400
    assert "没有这种排序方式" in response.content.decode()


def altered(position):
    return position[:-1] + ("A" if position[-1] != "A" else "B")


def test_a_position_that_was_altered_or_taken_from_another_order_is_refused(messages):
    position = parse_qs(page("?sort=created").next_url.removeprefix("?"))["after"][0]
    for query in (
        f"?sort=created&after={altered(position)}",
        f"?sort=held&after={position}",
        f"?sort=created&after={position}&before={position}",
        "?after=%00",
        "?after=" + "x" * 5000,
    ):
        response = ask(query)
        assert response.status_code == 400, query
        assert "翻页位置无效" in response.content.decode()


def test_a_wrong_filter_value_is_named_and_shows_no_rows(messages):
    response = ask("?kind=bogus")
    html = response.content.decode()
    assert response.status_code == 400
    assert "类别" in html
    assert "第1条" not in html
    assert "没有符合条件的记录" not in html, "nobody has looked"


def test_filters_in_force_are_shown_with_a_way_to_remove_each(messages):
    request = RequestFactory().get("/messages/?kind=due&urgent=false&q=第")
    chips = MESSAGES.context(request, Message.objects.all())["chips"]
    assert [(chip.label, chip.value) for chip in chips] == [
        ("搜索", "第"),
        ("类别", "到期"),
        ("紧急", "否"),
    ]
    assert "kind" not in parse_qs(chips[1].url.removeprefix("?"))


def test_htmx_gets_the_table_of_the_same_page_alone(messages):
    whole = ask("?kind=due")
    part = ask("?kind=due", hx_request="true")
    assert part.content.decode().strip() in whole.content.decode()
    assert "<html" in whole.content.decode()
    assert "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]


def test_a_text_is_never_taken_for_markup(wang):
    Message.objects.create(key="m", recipient=wang, title="<script>alert(1)</script>")
    html = ask().content.decode()
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_an_empty_register_says_so(db):
    html = ask().content.decode()
    assert "没有符合条件的记录" in html
    assert "全部清除" not in html


def test_filters_that_find_nothing_come_with_a_way_out(messages):
    html = ask("?kind=due&q=没有的").content.decode()
    assert "没有符合条件的记录" in html
    assert "去掉一些条件" in html
    assert html.count('href="/messages/">全部清除') == 2  # with the filters, and under the sentence


def test_a_total_past_the_limit_is_not_counted_out(wang, monkeypatch):
    monkeypatch.setattr("core.keyset.COUNT_LIMIT", 5)
    for number, expected in ((5, "5"), (6, "5+"), (7, "5+")):
        Message.objects.all().delete()
        Message.objects.bulk_create(
            Message(key=f"m:{n}", recipient=wang, title="x") for n in range(number)
        )
        assert page().total_text == expected


def test_thirty_rows_take_as_many_queries_as_three(wang):
    counts = []
    roomy = Register(**{**vars(MESSAGES), "page_size": 50})
    for number in (3, 30):
        Message.objects.all().delete()
        Message.objects.bulk_create(
            Message(key=f"m:{n}", recipient=wang, title="x") for n in range(number)
        )
        with CaptureQueriesContext(connection) as queries:
            ask(register=roomy)
        counts.append(len(queries))
    assert counts == [1, 1]


def test_a_sort_must_end_in_a_unique_field(db):
    loose = Register(**{**vars(MESSAGES), "sorts": {"created": Sort("时间", ("created_at",))}})
    with pytest.raises(Exception, match="must be unique"):
        page(register=loose)


def test_a_field_said_to_be_always_set_is_not_ordered_by_its_nulls(wang):
    Message.objects.bulk_create(
        Message(key=f"m:{n}", recipient=wang, title="x", delivered_at=NOON) for n in range(9)
    )
    sorts = {"delivered": Sort("送达", ("delivered_at", "id"), always_set=True)}
    inbox = Register(**{**vars(MESSAGES), "sorts": sorts, "default_sort": "-delivered"})
    with CaptureQueriesContext(connection) as queries:
        here = page(register=inbox)
    assert "NULLS" not in queries[0]["sql"]
    assert here.next_url


def test_malformed_is_the_error_of_the_house(db):
    request = RequestFactory().get("/messages/?sort=bogus")
    with pytest.raises(Malformed):
        MESSAGES.context(request, Message.objects.all())
