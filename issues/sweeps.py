"""What happens because time passes: reminders, deemed acknowledgement, resumption, supervision.

A sweep may run twice, side by side, or die half-way: rows are taken with SKIP LOCKED, a batch is
one transaction, and a message's unique key lets it exist once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import Place
from core import outbox
from core.errors import Refused
from core.workdays import calendar
from issues import actions, clocks
from issues.audiences import People, messages_of_clock
from issues.choices import (
    HANDLING_ACTIONS,
    Action,
    Grade,
    LimitUnit,
    Status,
    SupervisionCause,
)
from issues.clocks import morning
from issues.models import Approval, Assignment, Clock, Issue, IssueEvent, Supervision
from issues.querysets import IssueQuerySet
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
    rows = list(due.select_related("issue", "assignment", "instruction")[:BATCH])
    if not rows:
        return 0
    ids = {clock.issue_id for clock in rows}
    assignments: defaultdict[int, list[Assignment]] = defaultdict(list)
    for row in Assignment.objects.filter(issue__in=ids, left_seq=None):
        assignments[row.issue_id].append(row)
    approvals: defaultdict[int, list[Approval]] = defaultdict(list)
    for asked in Approval.objects.filter(issue__in=ids, decision=""):
        approvals[asked.issue_id].append(asked)
    handlers = _handlers({clock.issue_id for clock in rows if clock.issue.status == Status.VERIFY})
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
                assignments[clock.issue_id],
                directory,
                timezone.localdate(now),
                approvals=approvals[clock.issue_id],
                handlers=handlers[clock.issue_id],
            )
            messages += messages_of_clock(people, clock, *reminder, at=now)
        clock.next_reminder_at = clocks.next_reminder(clock, days, after=now)
    Clock.objects.bulk_update(rows, ["next_reminder_at"])
    outbox.post(messages)
    return len(rows)


def _handlers(issue_ids: Collection[int]) -> defaultdict[int, set[int]]:
    """Who worked on each of the cases: they are not reminded to verify it."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    events = IssueEvent.objects.filter(
        issue__in=issue_ids, action__in=HANDLING_ACTIONS, actor__isnull=False
    )
    for issue_id, actor_id in events.order_by().values_list("issue_id", "actor_id"):
        found[issue_id].add(actor_id)
    return found


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
    return _each(list(overdue), Action.AUTO_ACKNOWLEDGE, {}, now)


def resume_suspended(now: datetime | None = None) -> int:
    """Take up again the suspended cases whose review date has come; return how many."""
    now = now or timezone.now()
    due = Issue.objects.filter(review_at__lte=now).order_by("review_at", "id")
    return _each(list(due.values_list("pk", flat=True)), Action.AUTO_RESUME, {}, now)


def supervise_neglected(now: datetime | None = None) -> int:
    """Send supervision orders for what units neglect, on working days; return how many.

    Overdue for three working days, once for each due date. Reworked twice, or deemed acknowledged
    twice, once for each case.
    """
    now = now or timezone.now()
    if not calendar().is_working(timezone.localdate(now)):
        return 0
    total = 0
    for cause, issues in _neglected(now).items():
        ids = list(issues.order_by("pk").values_list("pk", flat=True))
        data = {"grade": Grade.GENERAL, "cause": cause, "text": REQUIREMENTS[cause]}
        total += _each(ids, Action.SUPERVISE, data, now)
    return total


def _neglected(now: datetime) -> dict[SupervisionCause, IssueQuerySet]:
    """The cases that have no order for the cause yet, by cause.

    By district, because the index on status and due date begins with it.
    """
    districts = Place.objects.filter(level=PlaceLevel.DISTRICT).values_list("pk", flat=True)
    working = Issue.objects.filter(
        district__in=list(districts), status__in=WITH_SOMEBODY, lead_unit__isnull=False
    ).order_by()
    third_day = calendar().add_working_days(timezone.localdate(now), -OVERDUE_FOR)
    orders = Supervision.objects.filter(issue=OuterRef("pk")).order_by()
    for_this_date = Q(struck_off_at__isnull=True) | Q(issued_at__gt=OuterRef("due_at"))
    twice_deemed = Count("assignments", filter=Q(assignments__deemed_acknowledged=True))
    neglected = {
        SupervisionCause.OVERDUE: working.filter(due_at__lt=morning(third_day)),
        SupervisionCause.REWORK: working.filter(rework_count__gte=REWORKED),
        SupervisionCause.NOT_ACKNOWLEDGED: working.alias(deemed=twice_deemed).filter(
            deemed__gte=DEEMED
        ),
    }
    return {
        cause: issues.exclude(
            Exists(
                orders.filter(for_this_date, cause=cause)
                if cause == SupervisionCause.OVERDUE
                else orders.filter(cause=cause)
            )
        )
        for cause, issues in neglected.items()
    }


WITH_SOMEBODY = (Status.ASSIGNED, Status.HANDLING)
OVERDUE_FOR = 3  # working days
REWORKED = 2  # times
DEEMED = 2  # times
REQUIREMENTS = {
    SupervisionCause.OVERDUE: "本件办理已超期三个工作日以上，请说明原因，提出办结日期，抓紧办理。",
    SupervisionCause.REWORK: "本件已返工两次以上，请分析原因，由单位负责人牵头整改到位。",
    SupervisionCause.NOT_ACKNOWLEDGED: "本件两次逾期未签收，请说明原因，及时签收办理。",
}


def _each(issue_ids: Sequence[int], action: Action, data: Mapping[str, Any], now: datetime) -> int:
    """Take the platform's step on each case, each in a transaction of its own; return how many."""
    done = 0
    for issue_id in issue_ids:
        try:
            actions.perform(issue_id, action, by=None, data=data, expected_version=None, at=now)
            done += 1
        except Refused:
            continue  # somebody was quicker
    return done
