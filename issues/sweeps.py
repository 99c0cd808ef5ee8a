"""What happens because time passes: reminders, deemed acknowledgement, resumption, supervision.

A sweep may run twice, side by side, or die half-way: rows are taken with SKIP LOCKED, a batch is
one transaction, and a message's unique key lets it exist once. A case that refuses a step is left
out and stops no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import Place
from core.workdays import calendar
from issues import actions, reminders
from issues.choices import (
    Action,
    Grade,
    Status,
    SupervisionCause,
)
from issues.clocks import morning
from issues.models import Assignment, Issue, Supervision
from issues.querysets import IssueQuerySet

BATCH = 500  # cases of one transaction


def remind_of_deadlines(now: datetime | None = None) -> int:
    """Write the reminders whose time has come; return how many clocks were looked at.

    Outside office time only limits in hours remind. The others wait for the next morning, and what
    is then no longer true is never written.
    """
    sweep, total = reminders.Sweep(now or timezone.now()), 0
    while looked_at := sweep.batch():
        total += looked_at
    return total


def acknowledge_overdue_assignments(now: datetime | None = None) -> int:
    """Deem acknowledged what a lead unit has left lying past its limit; return how many."""
    now = now or timezone.now()
    overdue = Assignment.objects.filter(
        is_lead=True,
        left_seq__isnull=True,
        acknowledged_at__isnull=True,
        acknowledge_due_at__lte=now,
    ).order_by()
    due = Issue.objects.filter(status=Status.ASSIGNED, pk__in=overdue.values("issue"))
    return _take(due, Action.AUTO_ACKNOWLEDGE, {}, now)


def resume_suspended(now: datetime | None = None) -> int:
    """Take up again the suspended cases whose review date has come; return how many."""
    now = now or timezone.now()
    return _take(Issue.objects.filter(review_at__lte=now), Action.AUTO_RESUME, {}, now)


def supervise_neglected(now: datetime | None = None) -> int:
    """Send supervision orders for what units neglect, on working days; return how many.

    Overdue for three working days, once for each due date. Reworked twice, or deemed acknowledged
    twice, once for each case.
    """
    now = now or timezone.now()
    if not calendar().is_working(timezone.localdate(now)):
        return 0
    return sum(
        _take(
            issues,
            Action.SUPERVISE,
            {"grade": Grade.GENERAL, "cause": cause, "text": REQUIREMENTS[cause]},
            now,
        )
        for cause, issues in _neglected(now).items()
    )


def _neglected(now: datetime) -> dict[SupervisionCause, IssueQuerySet]:
    """The cases that have no order for the cause yet, by cause.

    By district and open, because the index on status and due date begins so.
    """
    districts = Place.objects.filter(level=PlaceLevel.DISTRICT).values_list("pk", flat=True)
    working = Issue.objects.filter(
        district__in=list(districts),
        closed_at__isnull=True,
        status__in=WITH_SOMEBODY,
        lead_unit__isnull=False,
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


def _take(due: IssueQuerySet, action: Action, data: Mapping[str, Any], now: datetime) -> int:
    """Take the platform's step on every case that is ``due``; return on how many.

    What somebody holds just now is left for the next run. Whether a case is still due is asked
    again under the lock, by a statement of its own: the one that locks may see records beside the
    case as they were before another sweep or a step has changed them.
    """
    ids = list(due.order_by("pk").values_list("pk", flat=True))
    return sum(
        _take_batch(due, ids[start : start + BATCH], action, data, now)
        for start in range(0, len(ids), BATCH)
    )


@transaction.atomic
def _take_batch(
    due: IssueQuerySet, ids: Sequence[int], action: Action, data: Mapping[str, Any], now: datetime
) -> int:
    locked = Issue.objects.filter(pk__in=ids).order_by("pk").select_for_update(skip_locked=True)
    held = list(locked.values_list("pk", flat=True))
    still = due.filter(pk__in=held).order_by("pk").values_list("pk", flat=True)
    return actions.perform_each(still, action, data=data, at=now, batch=BATCH)
