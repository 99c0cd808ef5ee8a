"""Cases are read and written set-wise, and what is read and written is what the ORM would."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from pytest_django import DjangoAssertNumQueries

from core.errors import NotFoundHere, Refused
from core.models import Message
from core.privacy import EncryptedField
from core.rows import rows_of
from issues import actions
from issues.case import BESIDE, Case
from issues.choices import Action, Contact, Status
from issues.models import Clock, EventText, Involvement, Issue, IssueEvent
from tests.cast import Cast, again, assemble
from tests.issues.moments import assigned, at

LATE = at("2025-03-05")

# --- reading ---


def as_json(model: type[models.Model]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT row_to_json(r) FROM {model._meta.db_table} r")  # noqa: S608
        return [row for (row,) in cursor.fetchall()]


def values(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def our_models() -> list[type[models.Model]]:
    ours = {"issues", "core", "people", "areas", "projects", "meetings"}
    # Involvements are written by triggers alone.
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in ours and model is not Involvement
    ]


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.label)
def test_a_row_is_read_as_the_orm_reads_it(reference_db: None, model: type[models.Model]) -> None:
    rows = as_json(model)
    if model._meta.app_label == "issues" and model in (*BESIDE.values(), IssueEvent, EventText):
        assert rows
    found = {row.pk: row for row in model._default_manager.all()}
    for row in map(rows_of(model).read, rows):
        assert values(row) == values(found[row.pk])
        assert {type(value) for value in values(row).values()} == {
            type(value) for value in values(found[row.pk]).values()
        }


def test_the_time_is_read_to_the_microsecond(cast: Cast) -> None:
    issue = cast.report(at=datetime(2025, 3, 3, 2, 0, 0, 123, UTC))
    clock = Case.load(issue).clocks[0]
    assert clock.started_at == Clock.objects.get(pk=clock.pk).started_at
    assert clock.started_at.microsecond == 123


def test_many_cases_are_read_in_one_statement_as_one_is(
    reference_db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    issues = list(Issue.objects.order_by("pk"))
    Case.load(issues[0])
    with django_assert_num_queries(2):  # and the marks of the reference data
        cases = Case.load_many(issues)
    assert [case.issue for case in cases] == issues
    for case in cases:
        issue = case.issue
        for name in BESIDE:
            assert getattr(case, name) == list(getattr(issue, name).order_by("id"))
        assert case.last_at == issue.events.latest("seq").at
        contacts = issue.revisits.filter(round=issue.round).order_by("-seq")
        failed = 0
        if issue.status == Status.REVISIT:
            for contact in contacts.values_list("contact", flat=True):
                if contact != Contact.NOT_REACHED:
                    break
                failed += 1
        assert case.revisit_attempts == failed
        for clock in case.clocks:
            assert clock.assignment is None or any(clock.assignment is a for a in case.assignments)
    assert any(case.revisit_attempts for case in cases)
    assert any(case.followers for case in cases)


# --- writing ---


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.label)
def test_a_row_is_written_as_it_is_read(reference_db: None, model: type[models.Model]) -> None:
    """What would be inserted for an instance is the row that it came from."""
    hidden = {f.column for f in model._meta.concrete_fields if isinstance(f, EncryptedField)}
    rows = list(model._default_manager.all()[:200])
    part = rows_of(model).insert(rows)
    select = part.sql[part.sql.index(" SELECT ") :]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT row_to_json(r) FROM ({select}) r", part.parameters)  # noqa: S608
        written = {row[model._meta.pk.column]: row for (row,) in cursor.fetchall()}
    stored = {row[model._meta.pk.column]: row for row in as_json(model)}
    for key, row in written.items():
        for column in row.keys() - hidden:
            assert row[column] == stored[key][column], column
    assert len(written) == len(rows)


PER_CASE = {
    *("id", "number", "client_id", "client_id", "issue_id", "changed_xid", "key", "url", "body"),
    *("text_id", "salt", "text_sha256", "prev_hash", "hash", "head_hash", "assignment_id"),
}


def everything_of(issue: Issue) -> dict[str, list[dict[str, Any]]]:
    """All that is stored of a case, without what is each case's own."""

    def plain(rows: models.QuerySet[Any]) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name not in PER_CASE}
            for row in rows.values()
        ]

    issues = Issue.objects.filter(pk=issue.pk)
    messages = Message.objects.filter(key__startswith=f"issue:{issue.pk}:")
    return {
        "issue": plain(issues),
        **{name: plain(getattr(issue, name).order_by("id")) for name in BESIDE},
        "events": plain(issue.events.order_by("seq")),
        "texts": plain(EventText.objects.filter(event__issue=issue).order_by("event__seq")),
        "messages": plain(messages.order_by("recipient_id", "kind")),
    }


def test_many_reports_are_written_as_one_is(cast: Cast) -> None:
    now = at("2025-03-03")
    one = actions.report(by=cast.wang_fang, data=cast.report_data(), at=now)
    many = actions.create_issues([cast.report_data() for _ in range(3)], by=cast.wang_fang, at=now)
    assert len({issue.number for issue in (one, *many)}) == 4
    for issue in many:
        assert everything_of(issue) == everything_of(one)


def test_reports_take_the_same_statements_however_many(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def create(count: int) -> None:
        reports = [cast.report_data() for _ in range(count)]
        with transaction.atomic():
            actions.try_create_issues(reports, by=cast.wang_fang)

    create(1)
    with django_assert_num_queries(8):
        create(3)
    with django_assert_num_queries(8):
        create(30)


def test_many_steps_are_written_as_one_is(cast: Cast) -> None:
    one, *many = (assigned(cast) for _ in range(4))
    done = actions.perform(
        one.pk, Action.AUTO_ACKNOWLEDGE, by=None, data={}, expected_version=None, at=LATE
    )
    ids = [issue.pk for issue in many]
    assert actions.perform_each(ids, Action.AUTO_ACKNOWLEDGE, data={}, at=LATE, batch=2) == 3
    assert done.issue.status == Status.HANDLING
    for issue in many:
        assert everything_of(issue) == everything_of(one)


def test_only_what_a_step_has_changed_is_written(cast: Cast) -> None:
    issue = assigned(cast)
    overall = issue.clocks.get(kind="overall", ended_at=None)
    # Another value than the case had when it was read: a write of the row would undo it.
    case = Case.load(issue)
    Clock.objects.filter(pk=overall.pk).update(next_reminder_at=LATE)
    case.issue.urged_at = LATE
    actions.steps.take(
        case,
        Action.AUTO_ACKNOWLEDGE,
        by=None,
        data={},
        at=LATE,
        office=actions.Office.for_cases([issue], actions.unit_ids(case, {})),
    )
    actions.store.save([case])
    assert Clock.objects.get(pk=overall.pk).next_reminder_at == LATE


def test_a_row_that_was_written_knows_it(cast: Cast) -> None:
    issue = assigned(cast)
    event = actions.perform(
        issue.pk, Action.AUTO_ACKNOWLEDGE, by=None, data={}, expected_version=None, at=LATE
    )
    stored = IssueEvent.objects.get(issue=issue, seq=event.seq)
    assert event == stored
    assert not event._state.adding
    assert values(event.issue) | {"changed_xid": 0} == values(Issue.objects.get(pk=issue.pk)) | {
        "changed_xid": 0
    }


# --- some of many ---


def test_a_case_that_is_refused_stops_no_other(cast: Cast) -> None:
    first, second, third = assigned(cast), cast.report(at=at("2025-03-03")), assigned(cast)
    ids = [first.pk, second.pk, third.pk, 0]
    assert actions.perform_each(ids, Action.AUTO_ACKNOWLEDGE, data={}, at=LATE) == 2
    assert Issue.objects.get(pk=second.pk).event_count == second.event_count
    assert Issue.objects.get(pk=third.pk).status == Status.HANDLING


def test_a_case_that_somebody_holds_is_left_for_the_next_time(committed_db: str) -> None:
    cast = assemble()
    held, free = assigned(cast), assigned(cast)
    is_held, may_end = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            Issue.objects.select_for_update().get(pk=held.pk)
            is_held.set()
            may_end.wait(20)
        connection.close()

    holder = Thread(target=hold)
    holder.start()
    assert is_held.wait(20)
    ids = [held.pk, free.pk]
    try:
        assert actions.perform_each(ids, Action.AUTO_ACKNOWLEDGE, data={}, at=LATE) == 1
    finally:
        may_end.set()
        holder.join()
    assert actions.perform_each(ids, Action.AUTO_ACKNOWLEDGE, data={}, at=LATE) == 1


def test_data_may_differ_from_case_to_case(cast: Cast) -> None:
    issues = [assigned(cast), assigned(cast)]

    def order(issue: Issue) -> Mapping[str, Any]:
        return {"grade": "general", "cause": "overdue", "text": f"请说明原因：{issue.number}"}

    assert actions.perform_each([i.pk for i in issues], Action.SUPERVISE, data=order, at=LATE) == 2
    serials = [issue.supervisions.get().serial for issue in issues]
    assert serials == [1, 2]
    for issue in issues:
        assert issue.number in issue.events.latest("seq").text.body


def test_a_report_that_is_refused_stops_no_other(cast: Cast) -> None:
    twice = uuid.uuid4()
    reports = [
        cast.report_data(client_id=twice),
        cast.report_data(place=cast.jinshan_grid_1),
        cast.report_data(client_id=twice),
        cast.report_data(),
    ]
    with transaction.atomic():
        made = actions.try_create_issues(reports, by=cast.wang_fang)
    codes = [one.code if isinstance(one, Refused) else "" for one in made]
    assert codes == ["", "not_allowed", "already_reported", ""]
    assert Issue.objects.count() == IssueEvent.objects.count() == 2


def test_of_reports_that_come_together_all_or_none_are_made(cast: Cast) -> None:
    reports = [cast.report_data(), cast.report_data(place=cast.jinshan_grid_1)]
    with pytest.raises(Refused):
        actions.create_issues(reports, by=cast.wang_fang)
    assert not Issue.objects.exists()


def test_who_may_not_see_a_case_is_not_asked_for_the_input(cast: Cast) -> None:
    issue = cast.report()

    def given(locked: Issue) -> Mapping[str, Any]:
        raise AssertionError("nobody asks")

    with pytest.raises(NotFoundHere):
        actions.perform(
            issue.pk,
            Action.FIRST_HANDLE,
            by=again(cast.tang_jie),
            data=given,
            expected_version=None,
        )
