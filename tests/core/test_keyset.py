"""A page cut from each branch is the page of the whole, in every order and at any depth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.test.utils import CaptureQueriesContext

from core import keyset
from core.branches import Listed, branches_of, narrowed, one_of
from core.errors import Malformed
from core.keyset import Sort, Total
from core.models import Message
from people.models import User

NOON = datetime(2025, 9, 29, 4, 0, 0, 123456, tzinfo=UTC)
SORTS = {
    "set": Sort("生成", ("created_at", "id")),
    "empty in some": Sort("不早于", ("not_before", "created_at", "id")),
    "unique": Sort("编号", ("id",)),
}


@pytest.fixture
def messages(wang: User, zhou: User) -> list[Message]:
    """Thirty messages: five creation times, so many ties; every third is not held back."""
    return Message.objects.bulk_create(
        Message(
            key=f"m:{n}",
            recipient=zhou if n % 4 else wang,
            kind="due" if n % 2 else "urge",
            title=f"第{n}条",
            urgent=n % 7 == 0,
            created_at=NOON + timedelta(microseconds=n % 5),
            not_before=None if n % 3 == 0 else NOON + timedelta(hours=n % 2),
        )
        for n in range(30)
    )


def unions(wang: User) -> dict[str, QuerySet[Any]]:
    every = Message.objects.all()
    of_wang, due, urgent = Q(recipient=wang), Q(kind="due"), Q(urgent=True)
    return {
        "no branches": every,
        "one branch": one_of(every, [due]),
        "apart": one_of(every, [of_wang, due]),
        "overlapping": one_of(every, [of_wang, due, urgent, Q(title__contains="2")]),
        "filtered": one_of(every, [of_wang, due]).filter(urgent=False),
        "filtered before": one_of(every.exclude(title__contains="3"), [of_wang, due, urgent]),
        "one on top of the other": one_of(one_of(every, [of_wang, due]), [urgent, of_wang]),
        "empty": one_of(every, [Q(title="x"), Q(title="y")]),
        "nothing": one_of(every, []),
    }


KINDS = list(unions(User(pk=0)))


def plain(rows: QuerySet[Any], sort: Sort, *, descending: bool) -> list[int]:
    """The ids in order, from one query without pages; the order is written apart from ``Sort``."""
    found = list(rows.order_by("pk"))
    for name in reversed(sort.fields):
        found.sort(key=lambda row: getattr(row, name) or NOON, reverse=descending)
    found.sort(key=lambda row: getattr(row, sort.fields[0]) is None)
    return [row.pk for row in found]


def walk(rows: QuerySet[Any], sort: Sort, *, descending: bool, size: int) -> list[list[int]]:
    """The pages forwards; going back from the last must show the same."""
    ask: dict[str, Any] = {"size": size, "salt": "t", "descending": descending}
    pages = [keyset.cut(rows, sort, **ask)]
    while pages[-1].after:
        pages.append(keyset.cut(rows, sort, after=pages[-1].after, **ask))
    there = [[row.pk for row in page.rows] for page in pages]
    back, here = [there[-1]], pages[-1]
    while here.before:
        here = keyset.cut(rows, sort, before=here.before, **ask)
        back.insert(0, [row.pk for row in here.rows])
    assert [pk for page in back for pk in page] == [pk for page in there for pk in page]
    return there


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", SORTS)
@pytest.mark.parametrize("kind", KINDS)
def test_pages_of_a_union_are_those_of_the_whole(
    messages: list[Message], wang: User, kind: str, name: str, descending: bool
) -> None:
    rows = unions(wang)[kind]
    pages = walk(rows, SORTS[name], descending=descending, size=4)
    assert [pk for page in pages for pk in page] == plain(rows, SORTS[name], descending=descending)
    assert all(len(page) == 4 for page in pages[:-1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_union_is_its_branches_however_it_is_asked(
    messages: list[Message], wang: User, kind: str
) -> None:
    rows = unions(wang)[kind]
    whole = set(rows.values_list("pk", flat=True))
    apart = {pk for branch in branches_of(rows) for pk in branch.rows.values_list("pk", flat=True)}
    assert apart == whole
    assert set(narrowed(rows).values_list("pk", flat=True)) == whole
    assert rows.count() == len(whole)


def test_a_row_of_two_branches_stands_on_a_page_once(messages: list[Message], wang: User) -> None:
    rows = one_of(Message.objects.all(), [Q(recipient=wang), Q(recipient_id=F("recipient_id"))])
    page = keyset.cut(rows, SORTS["set"], size=50, salt="t", with_total=True)
    assert len(page.rows) == 30
    assert page.total == Total(30)


@pytest.mark.parametrize("kind", KINDS)
def test_the_total_comes_with_the_page_and_stops_at_the_limit(
    messages: list[Message], wang: User, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = unions(wang)[kind]
    number = rows.count()
    for limit in (number + 1, number, max(number - 1, 0)):
        monkeypatch.setattr(keyset, "COUNT_LIMIT", limit)
        page = keyset.cut(rows, SORTS["set"], size=4, salt="t", with_total=True)
        assert page.total == Total(min(number, limit), is_more=number > limit)
        assert keyset.count(rows) == page.total
        assert keyset.counts({"a": rows, "b": rows.filter(pk__in=[])}) == {
            "a": page.total,
            "b": Total(0),
        }


@pytest.mark.parametrize("name", SORTS)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_listed_by_their_ids_make_the_same_pages(
    messages: list[Message], wang: User, kind: str, name: str
) -> None:
    ids = [message.pk for message in messages if message.pk % 3]
    rows, sort = unions(wang)[kind].filter(Listed(ids)), SORTS[name]
    right = plain(unions(wang)[kind].filter(pk__in=ids), sort, descending=True)
    pages = walk(rows, sort, descending=True, size=4)
    assert [pk for page in pages for pk in page] == right
    page = keyset.cut(rows, sort, size=4, salt="t", descending=True, with_total=True)
    beyond = keyset.cut(
        rows, sort, size=4, salt="t", descending=True, with_total=True, after=page.after
    )
    assert page.total == keyset.count(rows) == Total(len(right))
    assert beyond.total == page.total


def test_no_row_is_on_the_list_of_no_ids(messages: list[Message]) -> None:
    assert not Message.objects.filter(Listed([])).exists()


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_what_several_lists_hold_together_is_counted_once(
    messages: list[Message], wang: User, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "COUNT_LIMIT", limit)
    every = Message.objects.all()
    lists = {
        "due": every.filter(kind="due"),
        "wang": one_of(every, [Q(recipient=wang), Q(urgent=True)]),
        "none": every.none(),
    }
    found = keyset.counts(lists, {"both": ["due", "wang", "none"], "nothing": ["none"]})
    held = {key: set(rows.values_list("pk", flat=True)) for key, rows in lists.items()}
    held |= {"both": held["due"] | held["wang"], "nothing": set()}
    assert found == {
        key: Total(min(len(ids), limit), is_more=len(ids) > limit) for key, ids in held.items()
    }


def test_an_ascending_first_page_is_one_statement_though_some_rows_are_empty(
    messages: list[Message],
) -> None:
    rows, sort = Message.objects.all(), SORTS["empty in some"]
    with CaptureQueriesContext(connection) as queries:
        page = keyset.cut(rows, sort, size=40, salt="t", with_total=True)
    assert [row.pk for row in page.rows] == plain(rows, sort, descending=False)
    assert len(queries) == 1


def test_past_the_last_row_the_total_is_still_told(messages: list[Message]) -> None:
    rows, sort = Message.objects.all(), SORTS["unique"]
    first = keyset.cut(rows, sort, size=29, salt="t")
    Message.objects.filter(pk=messages[-1].pk).delete()
    beyond = keyset.cut(rows, sort, size=29, salt="t", after=first.after, with_total=True)
    assert (beyond.rows, beyond.total) == ([], Total(29))


@pytest.mark.parametrize("kind", ["no branches", "overlapping", "one on top of the other"])
def test_a_page_is_one_statement_and_so_are_many_numbers(
    messages: list[Message], wang: User, kind: str
) -> None:
    rows = unions(wang)[kind]
    with CaptureQueriesContext(connection) as queries:
        page = keyset.cut(rows, SORTS["set"], size=4, salt="t", with_total=True)
        keyset.cut(rows, SORTS["set"], size=4, salt="t", after=page.after, with_total=True)
        keyset.counts({str(n): rows for n in range(5)})
    assert len(queries) == 3


def test_each_branch_is_read_up_to_the_size_of_the_page(messages: list[Message]) -> None:
    """What a page reads does not depend on how much lies behind it."""
    rows = one_of(Message.objects.all(), [Q(pk__gt=0), Q(pk__lt=10**9)])
    with CaptureQueriesContext(connection) as queries:
        keyset.cut(rows, SORTS["unique"], size=2, salt="t")
    with connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "mergejoin", "hashjoin"):  # of tables this small
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {queries[0]['sql']}")
        [(plans,)] = cursor.fetchall()
    scans = [node for node in nodes(plans[0]["Plan"]) if "Relation Name" in node]
    assert len(scans) == 3  # two branches, and the rows that they found
    assert {node["Actual Rows"] * node["Actual Loops"] for node in scans} == {3}


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes(below))]


def test_following_goes_on_after_given_values(messages: list[Message]) -> None:
    edge = messages[10]
    found = keyset.following(Message.objects.all(), SORTS["set"], (edge.created_at, edge.pk), 5)
    after = plain(Message.objects.all(), SORTS["set"], descending=False)
    start = after.index(edge.pk) + 1
    assert [row.pk for row in found] == after[start : start + 5]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", SORTS)
def test_all_rows_are_ordered_as_the_pages_are(
    messages: list[Message], name: str, descending: bool
) -> None:
    rows = keyset.ordered(Message.objects.all(), SORTS[name], descending=descending)
    assert [row.pk for row in rows] == plain(
        Message.objects.all(), SORTS[name], descending=descending
    )


def test_a_position_belongs_to_its_list_sort_and_direction(messages: list[Message]) -> None:
    rows, sort = Message.objects.all(), SORTS["set"]
    after = keyset.cut(rows, sort, size=4, salt="t").after
    for change in (
        {"salt": "another"},
        {"descending": True},
        {"sort": SORTS["unique"]},
        {"before": after},
        {"after": after[:-1] + ("A" if after[-1] != "A" else "B")},
        {"after": "x" * 5000},
    ):
        ask: dict[str, Any] = {"sort": sort, "size": 4, "salt": "t", "after": after, **change}
        with pytest.raises(Malformed) as refused:
            keyset.cut(rows, **ask)
        assert refused.value.code == "bad_cursor"


@pytest.mark.parametrize(
    "fields", [("created_at",), ("created_at", "not_before", "id"), ("bogus", "id")]
)
def test_a_sort_that_does_not_give_every_row_one_place_is_refused(
    db: None, fields: tuple[str, ...]
) -> None:
    with pytest.raises(ImproperlyConfigured):
        keyset.cut(Message.objects.all(), Sort("错", fields), size=4, salt="t")
