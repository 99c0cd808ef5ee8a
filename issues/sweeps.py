"""What happens because time passes: reminders and deemed acknowledgement.

A sweep may run twice, side by side, or die half-way: rows are taken with SKIP LOCKED, a batch is
one transaction, and a message's unique key lets it exist once.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from core import outbox
from core.errors import Refused
from core.workdays import calendar
from issues import actions, clocks
from issues.audiences import People, messages_of_clock
from issues.choices import Action, LimitUnit, Status
from issues.models import Assignment, Clock
from people.directory import Directory

BATCH = 500


def remind_of_deadlines(now: datetime | None = None) -> int:
    """Write the reminders whose time has come; return how many clocks were looked at.

    Outside office time only limits in hours remind. The others wait for the next morning, and what
    is then no longer true is never written.
    """
    now = now or timezone.now()
    total = 0
    while looked_at := _remind_batch(now):
        total += looked_at
    return total


@transaction.atomic
def _remind_batch(now: datetime) -> int:
    days = calendar()
    due = Clock.objects.to_remind(now).select_for_update(of=("self",), skip_locked=True)
    if not days.is_office_time(now):
        due = due.filter(limit_unit=LimitUnit.HOURS)
    rows = list(due.select_related("issue", "assignment")[:BATCH])
    if not rows:
        return 0
    assignments: dict[int, list[Assignment]] = {}
    for row in Assignment.objects.filter(issue__in={c.issue_id for c in rows}, left_seq=None):
        assignments.setdefault(row.issue_id, []).append(row)
    directory = Directory.around(
        {pk for clock in rows for pk in clock.issue.lineage().values()},
        {row.unit_id for present in assignments.values() for row in present},
    )
    messages = []
    for clock in rows:
        reminder = clocks.reminder_due(clock, days, now)
        if reminder:
            people = People(
                clock.issue,
                assignments.get(clock.issue_id, []),
                directory,
                timezone.localdate(now),
            )
            messages += messages_of_clock(people, clock, *reminder, at=now)
        clock.next_reminder_at = clocks.next_reminder(clock, days, after=now)
    Clock.objects.bulk_update(rows, ["next_reminder_at"])
    outbox.post(messages)
    return len(rows)


def acknowledge_overdue_assignments(now: datetime | None = None) -> int:
    """Deem acknowledged what a lead unit has left lying past its limit; return how many.

    Each case is a transaction of its own, so that one that is refused stops no other.
    """
    now = now or timezone.now()
    overdue = (
        Assignment.objects.filter(
            is_lead=True,
            left_seq__isnull=True,
            acknowledged_at__isnull=True,
            acknowledge_due_at__lte=now,
            issue__status=Status.ASSIGNED,
        )
        .order_by("acknowledge_due_at")
        .values_list("issue_id", flat=True)
    )
    done = 0
    for issue_id in list(overdue):
        try:
            actions.perform(
                issue_id,
                Action.AUTO_ACKNOWLEDGE,
                by=None,
                data={},
                expected_version=None,
                at=now,
            )
            done += 1
        except Refused:
            continue  # acknowledged or sent elsewhere a moment ago
    return done
