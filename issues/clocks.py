"""Starting, stopping and moving one clock. The rules are in docs/workflow.md, "Clocks"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from core.workdays import DAY_ENDS, DAY_STARTS, SHANGHAI, Calendar, Deadline, moment
from issues.choices import ClockKind, LimitUnit, MessageKind, PauseKind, Verdict
from issues.models import Assignment, Clock, ClockPause, Issue
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
        clock.yellow_at = calendar.yellow_hours(due.at, clock.limit_value)
    else:
        clock.yellow_at = calendar.yellow(clock.started_at, due.at, clock.limit_value)
    clock.next_reminder_at = next_reminder(clock)


def until(day: date) -> datetime:
    """The end of a limit that was given as a day, whether that day is worked or not."""
    return moment(day, DAY_ENDS)


def morning(day: date) -> datetime:
    return moment(day, DAY_STARTS)


def stop(clock: Clock, at: datetime) -> None:
    """End the clock; on time means at the due instant or before."""
    clock.ended_at = at
    clock.verdict = Verdict.ON_TIME if at <= clock.due_at else Verdict.LATE
    clock.next_reminder_at = None


def cancel(clock: Clock, at: datetime) -> ClockPause | None:
    """End the clock without judging it; returns the pause in which it stood, for the ledger."""
    done = _end_pause(clock, at) if clock.paused_at else None
    clock.ended_at, clock.verdict, clock.next_reminder_at = at, Verdict.CANCELLED, None
    return done


def pause(clock: Clock, at: datetime, kind: PauseKind) -> None:
    """Let the clock stand still; nothing falls due and nobody is reminded."""
    clock.paused_at, clock.pause_kind, clock.next_reminder_at = at, kind, None


def resume(clock: Clock, at: datetime, calendar: Calendar) -> ClockPause:
    """Let a paused clock go on; returns the pause for the ledger."""
    done = _end_pause(clock, at)
    set_due(clock, after_pause(given(clock), clock.limit_unit, done, calendar), calendar)
    return done


def _end_pause(clock: Clock, at: datetime) -> ClockPause:
    if clock.paused_at is None:
        raise ValueError("only a paused clock can be resumed")
    done = ClockPause(clock=clock, kind=clock.pause_kind, started_at=clock.paused_at, ended_at=at)
    clock.paused_at, clock.pause_kind = None, ""
    return done


def annul_stop(clock: Clock, at: datetime, kind: PauseKind, calendar: Calendar) -> ClockPause:
    """Let a stopped clock go on as if it had been paused; returns the pause for the ledger."""
    if clock.ended_at is None:
        raise ValueError("only a stopped clock can be taken up again")
    done = ClockPause(clock=clock, kind=kind, started_at=clock.ended_at, ended_at=at)
    clock.ended_at, clock.verdict = None, ""
    set_due(clock, after_pause(given(clock), clock.limit_unit, done, calendar), calendar)
    return done


def extend(clock: Clock, working_days: int, calendar: Calendar) -> None:
    """Move the due instant by so many working days."""
    set_due(clock, after_extension(given(clock), working_days, calendar), calendar)


def cap(clock: Clock, other: Clock, calendar: Calendar) -> None:
    """Let the clock fall due when another does."""
    set_due(clock, given(other), calendar)


def local_day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


# --- where a due instant moves ---
# What is provisional stays so until ``issues.recalculation`` has counted it anew: a step that comes
# between the publication of a calendar and the recalculation must not hide that.


def given(clock: Clock) -> Deadline:
    return Deadline(clock.due_at, clock.is_provisional)


def after_pause(due: Deadline, unit: str, pause: ClockPause, calendar: Calendar) -> Deadline:
    if unit == LimitUnit.HOURS:
        return Deadline(due.at + (pause.ended_at - pause.started_at), due.provisional)
    moved = calendar.shift(due.at, pause.started_at, pause.ended_at)
    return Deadline(moved.at, due.provisional or moved.provisional)


def after_extension(due: Deadline, working_days: int, calendar: Calendar) -> Deadline:
    local = due.at.astimezone(SHANGHAI)
    day = calendar.add_working_days(local.date(), working_days)
    reaches = range(local.year, day.year + 1)
    provisional = due.provisional or not all(map(calendar.is_published, reaches))
    return Deadline(moment(day, local.time()), provisional)


# --- reminders ---

Planned = tuple[datetime, MessageKind, int]  # when, what, and which of the overdue reminders


class Timing(NamedTuple):
    """What decides when a clock reminds."""

    limit_unit: str
    yellow_at: datetime
    due_at: datetime


def reminder_times(clock: Clock | Timing, calendar: Calendar) -> list[Planned]:
    """When this clock reminds, in order.

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
        # A limit given as a day may end on the day on which it starts.
        (max(moment(due_day, DAY_STARTS), clock.yellow_at), MessageKind.DUE, 0),
        (moment(first, DAY_STARTS), MessageKind.OVERDUE, 1),
        (moment(third, DAY_STARTS), MessageKind.OVERDUE, 3),
    ]


def next_reminder(clock: Clock) -> datetime | None:
    """When the sweep has to look first at a clock that starts or moves; overall ones never remind.

    Always at yellow: the other reminders come later, or are the same and overtake it.
    """
    if clock.kind == ClockKind.OVERALL or clock.ended_at or clock.paused_at:
        return None
    return clock.yellow_at


def first_after(times: Sequence[Planned], after: datetime) -> datetime | None:
    return next((at for at, _, _ in times if at > after), None)


def reminder_due(times: Sequence[Planned], now: datetime) -> tuple[MessageKind, int] | None:
    """The latest reminder whose time has come; earlier ones that it overtook are dropped."""
    passed = [(kind, nth) for at, kind, nth in times if at <= now]
    return passed[-1] if passed else None
