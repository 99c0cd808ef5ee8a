"""Pages of what a person sees, and of what waits for them, are those of the plain rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core import keyset
from core.keyset import Sort
from governance.reference import demo
from issues.api import sync
from issues.choices import Outcome, Status
from issues.desk import queues
from issues.models import Involvement, Issue
from issues.orders import BY_DUE, BY_RECEIVED, COLUMNS
from issues.querysets import IssueQuerySet
from people.choices import Role
from people.models import Posting, User
from tests.cast import Cast, again
from tests.issues.moments import at, with_two_departments

SIZE = 40
SOME_DAY = at("2025-03-03")
LISTS: dict[str, Callable[[User], IssueQuerySet]] = {
    "open": lambda user: Issue.objects.visible_to(user).open(),
    "all": lambda user: Issue.objects.visible_to(user),
    "of one town": lambda user: Issue.objects.visible_to(user).filter(town__name="城南街道"),
    "waiting": lambda user: Issue.objects.waiting_for(user),
    "waiting, of what is seen": lambda user: Issue.objects.visible_to(user).waiting_for(user),
}
SORTS = {"due": BY_DUE, "received": BY_RECEIVED}


def plain(rows: IssueQuerySet, sort: Sort, *, descending: bool) -> list[int]:
    """The ids in order: the rows by the union, the order by Python."""
    found = list(rows.order_by("pk"))
    for name in reversed(sort.fields):
        found.sort(key=lambda row: getattr(row, name) or SOME_DAY, reverse=descending)
    found.sort(key=lambda row: getattr(row, sort.fields[0]) is None)
    return [row.pk for row in found]


@pytest.fixture
def two_postings(reference_db: None) -> User:
    """An officer of one community who serves in a department, too, and reported elsewhere."""
    user = User.objects.create_user("two", full_name="两岗")
    department = User.objects.get(username="handler").current_postings[0].organisation
    community = User.objects.get(username="community").current_postings[0].place
    starts_on = timezone.localdate().replace(year=2020)
    for role, place, organisation in (
        (Role.COMMUNITY_OFFICER, community, None),
        (Role.UNIT_HANDLER, None, department),
    ):
        Posting.objects.create(
            user=user, role=role, place=place, organisation=organisation, starts_on=starts_on
        )
    chosen = Issue.objects.order_by("-received_at").values("pk")[:9]
    Issue.objects.filter(pk__in=list(chosen.values_list("pk", flat=True))).update(reporter=user)
    return user


@pytest.mark.parametrize("name", [*demo.ACCOUNTS, "two"])
def test_pages_cut_from_branches_are_those_of_the_whole(two_postings: User, name: str) -> None:
    user = User.objects.get(username=name)
    for kind, rows_for in LISTS.items():
        rows = rows_for(user)
        for label, sort in SORTS.items():
            for descending in (False, True):
                expected = plain(rows, sort, descending=descending)
                ask: dict[str, Any] = {"size": SIZE, "salt": "t", "descending": descending}
                page = keyset.cut(rows, sort, with_total=True, **ask)
                assert str(page.total) == str(len(expected)), (kind, label)
                found = [row.pk for row in page.rows]
                while page.after:
                    page = keyset.cut(rows, sort, after=page.after, **ask)
                    found += [row.pk for row in page.rows]
                assert found == expected, (kind, label, descending)


def test_a_report_of_ones_own_in_ones_own_grid_stands_once(cast: Cast) -> None:
    mine = cast.report(by=cast.wang_fang)
    page = keyset.cut(
        Issue.objects.visible_to(again(cast.wang_fang)), BY_DUE, size=9, salt="t", with_total=True
    )
    assert [row.pk for row in page.rows] == [mine.pk]
    assert str(page.total) == "1"


def test_a_place_below_another_posting_of_the_person_adds_no_branch(cast: Cast) -> None:
    day = timezone.localdate().replace(year=2020)
    grid = cast.wang_fang.postings.get().place
    Posting.objects.create(
        user=cast.chen_jing, role=Role.COMMUNITY_OFFICER, place=grid.community, starts_on=day
    )
    scope = again(cast.chen_jing).scope
    assert len(scope.places) == 2
    assert [place.level for place in scope.territories] == ["town"]


@pytest.mark.parametrize("name", ["chen_jing", "wang_fang", "gao_feng", "sun_li"])
def test_a_page_with_its_total_is_one_statement(cast: Cast, name: str) -> None:
    """A second one only where the page goes on to what has no date."""
    user = again(cast.people[name])
    cast.report()
    user.scope, user.current_postings  # noqa: B018 - read once per request
    with CaptureQueriesContext(connection) as queries:
        keyset.cut(
            Issue.objects.visible_to(user).open(), BY_RECEIVED, size=9, salt="t", with_total=True
        )
    assert len(queries) == 1


@pytest.mark.parametrize("name", demo.ACCOUNTS)
def test_the_number_of_a_queue_is_that_of_its_list_up_to_the_limit(
    reference_db: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    user = User.objects.get(username=name)
    available = queues.queues_of(user, timezone.now())
    lists = {queue.key: len(queues.rows_of(user, queue)) for queue in available.all}
    for limit in (1, 2, 3, keyset.COUNT_LIMIT):
        monkeypatch.setattr(keyset, "COUNT_LIMIT", limit)
        for key, total in queues.counts(user, available).items():
            assert total.number == min(lists[key], limit), (key, limit)
            assert total.is_more == (lists[key] > limit), (key, limit)


@pytest.mark.parametrize("name", demo.ACCOUNTS)
def test_what_waits_in_a_queue_of_its_own_waits_for_the_person(
    reference_db: None, name: str
) -> None:
    user = User.objects.get(username=name)
    waiting = set(Issue.objects.waiting_for(user))
    for queue in queues.queues_of(user, timezone.now()).mine:
        assert set(queues.rows_of(user, queue)) <= waiting, queue.key


# --- what a page reads ---


def indexes_of(plan: dict[str, Any]) -> set[str]:
    own = {plan["Index Name"]} if "Index Name" in plan else set()
    return own.union(*(indexes_of(below) for below in plan.get("Plans", ())))


def plan_of(sql: str) -> dict[str, Any]:
    """The plan for tables that are too large to be read whole."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        [(plans,)] = cursor.fetchall()
    found: dict[str, Any] = (json.loads(plans) if isinstance(plans, str) else plans)[0]["Plan"]
    return found


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("district", "district"),
        ("town", "town"),
        ("community", "community"),
        ("grid", "grid"),
        ("handler", "lead_unit"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "sort", "suffix"),
    [
        ("open", BY_DUE, "due"),
        ("open", BY_RECEIVED, "open"),
        ("all", BY_RECEIVED, "received"),
    ],
)
def test_every_list_of_every_scope_has_its_index(
    reference_db: None, name: str, column: str, kind: str, sort: Sort, suffix: str
) -> None:
    rows = LISTS[kind](User.objects.get(username=name))
    with CaptureQueriesContext(connection) as queries:
        keyset.cut(rows, sort, size=5, salt="t")
    used = indexes_of(plan_of(queries[0]["sql"]))
    assert f"issue_{column}_{suffix}" in used
    if column != "district":
        assert f"issue_reporter_{suffix}" in used
    if column == "lead_unit":
        assert f"involvement_{suffix}" in used


@pytest.mark.parametrize("name", ["community", "grid", "handler"])
def test_delta_sync_reads_the_changes_of_the_own_scope(reference_db: None, name: str) -> None:
    user = User.objects.get(username=name)
    cursor = sync.hand_out(user, limit=1).cursor
    with CaptureQueriesContext(connection) as queries:
        sync.hand_out(user, cursor, limit=1)
    with connection.cursor() as sql:
        sql.execute("DROP INDEX issue_changes")  # of so few rows it would do for everybody
    used = indexes_of(plan_of(queries[-1]["sql"]))
    column = {"handler": "lead_unit"}.get(name, name)
    assert {f"issue_{column}_changes", "issue_reporter_changes"} <= used
    assert ("involvement_changes" in used) == (name == "handler")


def test_a_unit_sees_what_it_leads_and_what_it_was_ever_ordered_to_do(cast: Cast) -> None:
    """The two branches of a unit leave nothing out, whatever becomes of an order."""
    user = again(cast.gao_feng)
    [unit_id] = user.scope.organisation_ids
    for is_lead, left_seq in ((True, None), (True, 3), (False, None), (False, 3)):
        issue = cast.report()
        issue.assignments.create(
            unit_id=unit_id, is_lead=is_lead, assigned_at=timezone.now(), left_seq=left_seq
        )
        if is_lead and left_seq is None:
            Issue.objects.filter(pk=issue.pk).update(lead_unit=unit_id)
        assert Issue.objects.visible_to(user).filter(Q(pk=issue.pk)).exists()


def test_an_involvement_says_what_its_case_says_and_every_unit_beside_the_lead_has_one(
    reference_db: None,
) -> None:
    """The table that triggers keep, after thousands of steps of every kind."""
    expected = {
        (issue.pk, unit_id, *(getattr(issue, name) for name in COLUMNS))
        for issue in Issue.objects.prefetch_related("assignments")
        for unit_id, is_lead, left_seq in (
            (order.unit_id, order.is_lead, order.left_seq) for order in issue.assignments.all()
        )
        if not is_lead or left_seq is not None
    }
    assert len(expected) > 100
    assert set(Involvement.objects.values_list("issue_id", "unit_id", *COLUMNS)) == expected


def test_what_changes_on_a_case_changes_in_its_involvements(cast: Cast) -> None:
    issue = with_two_departments(cast)
    assert [row.unit for row in issue.involvements.all()] == [cast.water]
    for changes in (
        {"received_at": at("2025-06-02"), "due_at": at("2025-06-03"), "closed_at": None},
        {"received_at": at("2025-06-02"), "due_at": None, "closed_at": at("2025-06-04")},
    ):
        ended = (
            {"status": Status.CLOSED, "outcome": Outcome.RESOLVED} if changes["closed_at"] else {}
        )
        Issue.objects.filter(pk=issue.pk).update(**changes, **ended)
        assert issue.involvements.values(*changes).get() == changes
