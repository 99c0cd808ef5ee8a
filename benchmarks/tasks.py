"""Measures of what runs without anybody asking: sweeps, verification. In this process, no HTTP."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from typing import Any

import psycopg
from django.db import connection
from django.utils import timezone

from benchmarks import people
from benchmarks.floor_view import StatementCount
from benchmarks.floors import Floors
from benchmarks.measures import MANY, Group, Measure
from benchmarks.timing import Answer, Unexpected
from core import export_files, exports
from core.models import Message
from core.workdays import calendar, moment
from issues import chain, sweeps
from issues.choices import ClockKind, Status
from issues.models import Assignment, Clock, Issue

DUE_SHARE = 100  # one running clock in so many is due
DEEMED = 200  # at most, assignments that one sweep acknowledges
ROUNDS = 3
OFFICE_HOUR = time(10)


def on_the_whole(own: psycopg.Connection) -> Iterator[Group]:
    yield "chain", lambda: [_chain(Floors(own))]
    yield "export.xlsx", lambda: [_workbook(Floors(own))]


def on_open_cases(own: psycopg.Connection) -> Iterator[Group]:
    yield "reminders", lambda: _reminders(own)
    yield "deemed", lambda: [_deemed(own)]


def counted(work: Callable[[], Any]) -> Answer:
    """Do it once and count its statements, as the header of a response would."""
    statements = StatementCount()
    with connection.execute_wrapper(statements):
        work()
    return Answer(200, b"", {"x-statements": str(statements.count)})


# --- verification ---


def _chain(floors: Floors) -> Measure:
    events = Issue.objects.values_list("event_count", flat=True)
    total = sum(events.iterator())

    def verify() -> None:
        findings = list(chain.verify_cases(chain.Tally()))
        if findings:
            raise Unexpected(f"the seed does not verify: {findings[0]}")

    return Measure(
        "chain",
        f"核验办理记录 {total:,} 条",
        run=verify,
        floor=floors.chains,
        repeat=1 if total > 200_000 else ROUNDS,
        warm_up=0,
        has_view_floor=False,
    )


# --- exports ---


def _workbook(floors: Floors) -> Measure:
    """The open cases of the district as .xlsx, as the worker's task makes it."""
    owner = people.user("district")

    def make() -> None:
        chosen = exports.choose("issues", "", by=owner)
        export_files.make(export_files.ask(chosen, by=owner).pk)

    rows = Issue.objects.filter(closed_at=None).count()
    return Measure(
        "export.xlsx",
        f"导出 Excel：{rows:,} 行",
        run=make,
        floor=lambda: floors.everything(owner.scope.places[0].pk),
        counted=lambda: counted(make),
        repeat=1 if rows > MANY else ROUNDS,
        warm_up=0,
        has_view_floor=False,
    )


# --- reminders ---


def office_time() -> datetime:
    """Some ten o'clock of a working day, not before now: outside office time few are reminded."""
    today = timezone.localdate()
    day = calendar().add_working_days(today, 0)
    at = moment(day, OFFICE_HOUR)
    if at < timezone.now():
        at = moment(calendar().add_working_days(today, 1), OFFICE_HOUR)
    return at


def _reminders(own: psycopg.Connection) -> list[Measure]:
    """One clock in a hundred is due, among all those that run. Each round takes other clocks."""
    now = office_time()
    running = Clock.objects.filter(kind=ClockKind.STEP, next_reminder_at__isnull=False)
    ids = list(running.values_list("pk", flat=True))
    random.Random("due").shuffle(ids)  # noqa: S311 - repeatable, not secret
    due = max(1, len(ids) // DUE_SHARE)
    slices = iter([ids[start : start + due] for start in range(0, len(ids), due)])
    floors = Floors(own)

    def fall_due() -> None:
        own.execute(
            "UPDATE issues_clock SET next_reminder_at = %(at)s, yellow_at = %(at)s,"
            " due_at = %(due)s WHERE id = ANY(%(ids)s)",
            {
                "at": now - timedelta(minutes=1),
                "due": now + timedelta(days=3),
                "ids": next(slices),
            },
        )

    before = Message.objects.count()
    fall_due()
    statements = counted(lambda: sweeps.remind_of_deadlines(now))
    written = Message.objects.count() - before
    if not written:
        raise Unexpected("the sweep reminded nobody")
    like = floors.newest_message()
    later = now + timedelta(days=20)
    sweep = Measure(
        "reminders",
        f"提醒：{len(ids):,} 个在走时钟中 {due:,} 个到点，{written:,} 条消息",
        # Each side needs clocks of its own that are due when it begins.
        run=lambda: sweeps.remind_of_deadlines(now),
        before_run=fall_due,
        floor=lambda: floors.remind(now, later, like, written),
        before_floor=fall_due,
        counted=lambda: statements,
        repeat=ROUNDS,
        warm_up=0,
        has_view_floor=False,
    )
    again = Measure(
        "reminders.again",
        "提醒：紧接着再做一遍",
        run=lambda: sweeps.remind_of_deadlines(now),
        counted=lambda: counted(lambda: sweeps.remind_of_deadlines(now)),
        repeat=ROUNDS,
        has_view_floor=False,
    )
    return [sweep, again]


# --- deemed acknowledgement ---


def _deemed(own: psycopg.Connection) -> Measure:
    now = timezone.now()
    waiting = Assignment.objects.filter(
        issue__status=Status.ASSIGNED, is_lead=True, left_seq=None, acknowledged_at=None
    )
    ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    count = min(DEEMED, len(ids) // (2 * ROUNDS + 1))
    if not count:
        raise Unexpected("too few cases wait for an acknowledgement")
    slices = iter([ids[start : start + count] for start in range(0, len(ids), count)])
    floors = Floors(own)

    def fall_due() -> list[int]:
        some = next(slices)
        own.execute(
            "UPDATE issues_assignment SET acknowledge_due_at = %s WHERE id = ANY(%s)",
            [now - timedelta(hours=1), some],
        )
        return some

    some = fall_due()
    statements = counted(lambda: sweeps.acknowledge_overdue_assignments(now))
    issue = Issue.objects.get(assignments=some[0])
    step = floors.step_of(issue.pk, issue.event_count)
    return Measure(
        "deemed",
        f"视同签收 {count} 件",
        run=lambda: sweeps.acknowledge_overdue_assignments(now),
        before_run=fall_due,
        floor=lambda: floors.deem_acknowledged(now, step),
        before_floor=fall_due,
        counted=lambda: statements,
        repeat=ROUNDS,
        warm_up=0,
        has_view_floor=False,
    )
