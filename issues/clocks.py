"""Starting, stopping and moving one clock. The rules are in docs/workflow.md, "Clocks"."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.workdays import DAY_STARTS, SHANGHAI, Calendar, Deadline, moment
from issues.choices import ClockKind, LimitUnit, MessageKind, Verdict
from issues.models import Assignment, Clock, Issue
from issues.office import Limit


def due(at: datetime, limit: Limit, calendar: Calendar) -> Deadline:
    if limit.unit == LimitUnit.HOURS:
        return calendar.hours_deadline(at, limit.value)
    return calendar.deadline(at, limit.value)


def start(
    issue: Issue,
    kind: ClockKind,
    step: str,
    limit: Limit,
    *,
    at: datetime,
    calendar: Calendar,
    assignment: Assignment | None = None,
) -> Clock:
    """A new running clock of ``issue`` at its present level, not yet saved."""
    clock = Clock(
        issue=issue,
        kind=kind,
        step=step,
        level=issue.level,
        assignment=assignment,
        round=issue.round,
        limit_value=limit.value,
        limit_unit=limit.unit,
        started_at=at,
    )
    set_due(clock, due(at, limit, calendar), calendar)
    return clock


def set_due(clock: Clock, due: Deadline, calendar: Calendar) -> None:
    clock.due_at, clock.is_provisional = due.at, due.provisional
    if clock.limit_unit == LimitUnit.HOURS:
        clock.yellow_at = calendar.yellow_hours(clock.started_at, due.at)
    else:
        clock.yellow_at = calendar.yellow(clock.started_at, due.at, clock.limit_value)
    clock.next_reminder_at = next_reminder(clock, calendar)


def stop(clock: Clock, at: datetime) -> None:
    """End the clock; on time means at the due instant or before."""
    clock.ended_at = at
    clock.verdict = Verdict.ON_TIME if at <= clock.due_at else Verdict.LATE
    clock.next_reminder_at = None


def cancel(clock: Clock, at: datetime) -> None:
    clock.ended_at, clock.verdict, clock.next_reminder_at = at, Verdict.CANCELLED, None


def resume(clock: Clock, stopped_at: datetime, at: datetime, calendar: Calendar) -> None:
    """Annul the stop at ``stopped_at``: the time until ``at`` does not count."""
    clock.ended_at, clock.verdict = None, ""
    if clock.limit_unit == LimitUnit.HOURS:
        moved = Deadline(clock.due_at + (at - stopped_at), clock.is_provisional)
    else:
        moved = calendar.shift(clock.due_at, stopped_at, at)
    set_due(clock, moved, calendar)


# --- reminders ---


def reminder_times(clock: Clock, calendar: Calendar) -> list[tuple[datetime, MessageKind, int]]:
    """When this clock reminds, in order: (instant, kind, which of the overdue reminders).

    For working days: at yellow, at 09:00 of the due day, and at 09:00 of the first and third
    working day after. For hours, around the clock: at yellow, when due, and a day later.
    """
    if clock.limit_unit == LimitUnit.HOURS:
        return [
            (clock.yellow_at, MessageKind.NEAR_DUE, 0),
            (clock.due_at, MessageKind.OVERDUE, 1),
            (clock.due_at + timedelta(hours=24), MessageKind.OVERDUE, 3),
        ]
    due_day = clock.due_at.astimezone(SHANGHAI).date()
    first, third = (calendar.add_working_days(due_day, n) for n in (1, 3))
    return [
        (clock.yellow_at, MessageKind.NEAR_DUE, 0),
        (moment(due_day, DAY_STARTS), MessageKind.DUE, 0),
        (moment(first, DAY_STARTS), MessageKind.OVERDUE, 1),
        (moment(third, DAY_STARTS), MessageKind.OVERDUE, 3),
    ]


def next_reminder(
    clock: Clock, calendar: Calendar, after: datetime | None = None
) -> datetime | None:
    """When the sweep has to look at this clock next; overall clocks never remind."""
    if clock.kind == ClockKind.OVERALL or clock.ended_at is not None:
        return None
    for at, _, _ in reminder_times(clock, calendar):
        if after is None or at > after:
            return at
    return None


def reminder_due(clock: Clock, calendar: Calendar, now: datetime) -> tuple[MessageKind, int] | None:
    """The latest reminder whose time has come; earlier ones that it overtook are dropped."""
    passed = [(kind, nth) for at, kind, nth in reminder_times(clock, calendar) if at <= now]
    return passed[-1] if passed else None
