"""How long something lasts, in the words of a page; and how long a case waited, under which limit.

A wait is read from the clocks as they stand now: what a pause or an extension moved later on is
moved back, so that the story tells what one saw at the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from core.workdays import Calendar
from issues.choices import ClockKind, LimitUnit, Verdict
from issues.models import Approval, Clock


def length(calendar: Calendar, start: datetime, end: datetime) -> str:
    """How much time lies between: in working days, or within one in hours; empty for a moment."""
    days = calendar.working_days_between(timezone.localdate(start), timezone.localdate(end))
    if days > 0:
        return f"{days} 个工作日"
    minutes = int((end - start).total_seconds()) // 60
    if minutes < 1:
        return ""
    return f"{minutes} 分钟" if minutes < 60 else f"{minutes // 60} 小时"


def days_left(calendar: Calendar, due_at: datetime, now: datetime) -> str:
    """How far a limit lies ahead or behind, in working days."""
    today, due_day = timezone.localdate(now), timezone.localdate(due_at)
    if now >= due_at:
        days = calendar.working_days_between(due_day, today)
        return f"已超期 {days} 个工作日" if days else "今天到期，已超期"
    days = calendar.working_days_between(today, due_day)
    return f"还有 {days} 个工作日" if days else "今天到期"


def time_left(calendar: Calendar, clock: Clock, now: datetime) -> str:
    """How a running clock stands at ``now``, as one says it."""
    if clock.paused_at:
        return "停表"
    if clock.limit_unit == LimitUnit.HOURS:
        minutes = int(abs(clock.due_at - now).total_seconds()) // 60
        shown = f"{minutes // 60} 小时" if minutes >= 60 else f"{minutes} 分钟"
        return f"已超期 {shown}" if now >= clock.due_at else f"还有 {shown}"
    return days_left(calendar, clock.due_at, now)


def limit_text(clock: Clock) -> str:
    return f"{clock.limit_value} {'个工作日' if clock.limit_unit == LimitUnit.DAYS else '小时'}"


@dataclass(frozen=True)
class Wait:
    """How long the case stood still before a step, and how the limit that ran meanwhile fared."""

    length: str
    limit: str
    standing: str
    is_late: bool


def between(
    clocks: Sequence[Clock],
    start: datetime,
    end: datetime,
    calendar: Calendar,
    extensions: Iterable[Approval] = (),
) -> Wait | None:
    """The wait from one step to the next; None if it was but a moment.

    ``clocks`` with their pauses; ``extensions`` are the approved ones.
    """
    shown = length(calendar, start, end)
    if not shown:
        return None
    clock = _last(
        clock for clock in clocks if clock.started_at <= start and _runs_until(clock, end)
    )
    return _wait(shown, clock, start, end, calendar, extensions)


def present(
    clocks: Sequence[Clock], start: datetime, now: datetime, calendar: Calendar
) -> Wait | None:
    """The wait since the last step at ``start``; None once no limit runs any more."""
    running = [clock for clock in clocks if clock.ended_at is None]
    if not running:
        return None
    return _wait(length(calendar, start, now), _last(running), start, now, calendar, ())


def _wait(
    shown: str,
    clock: Clock | None,
    start: datetime,
    end: datetime,
    calendar: Calendar,
    extensions: Iterable[Approval],
) -> Wait:
    if clock is None:
        return Wait(shown, "", "", is_late=False)
    limit = f"{clock.get_step_display()}时限 {limit_text(clock)}"
    if _stood_still(clock, start, end):
        return Wait(shown, limit, "停表", is_late=False)
    due_at = due_as_of(clock, end, calendar, extensions)
    is_late = end > due_at
    if clock.ended_at == end and clock.verdict == Verdict.CANCELLED:
        standing = "取消"
    elif is_late:
        late = length(calendar, due_at, end)
        standing = f"超期 {late}" if late else "超期"
    elif clock.ended_at == end:
        standing = "按期"
    elif clock.limit_unit == LimitUnit.DAYS:
        standing = days_left(calendar, due_at, end)
    else:
        standing = ""
    return Wait(shown, limit, standing, is_late)


def _last(clocks: Iterable[Clock]) -> Clock | None:
    """Of several step clocks the one started last: while a return is decided the unit's clock
    stands and the ruling's runs."""
    steps = [clock for clock in clocks if clock.kind == ClockKind.STEP]
    return max(steps, key=lambda clock: (clock.started_at, clock.pk), default=None)


def _runs_until(clock: Clock, end: datetime) -> bool:
    return clock.ended_at is None or clock.ended_at >= end


def _stood_still(clock: Clock, start: datetime, end: datetime) -> bool:
    if clock.paused_at and clock.paused_at <= start:
        return True
    return any(pause.started_at <= start and pause.ended_at >= end for pause in clock.pauses.all())


def due_as_of(
    clock: Clock, at: datetime, calendar: Calendar, extensions: Iterable[Approval]
) -> datetime:
    """When the clock was due as one saw it at ``at``."""
    due_at, known_until = clock.due_at, None
    for row in sorted(extensions, key=lambda row: row.asked_at):
        if row.old_due_at and row.decided_at and at <= row.decided_at and _covers(clock, row):
            due_at, known_until = row.old_due_at, row.decided_at
            break
    for pause in clock.pauses.all():
        if pause.started_at < at or (known_until and pause.started_at >= known_until):
            continue
        if clock.limit_unit == LimitUnit.HOURS:
            due_at -= pause.ended_at - pause.started_at
            continue
        moved = calendar.working_days_between(
            timezone.localdate(pause.started_at), timezone.localdate(pause.ended_at)
        )
        local = timezone.localtime(due_at)
        day = calendar.add_working_days(local.date(), -moved) if moved else local.date()
        due_at = datetime.combine(day, local.timetz())
    return due_at


def _covers(clock: Clock, extension: Approval) -> bool:
    """Whether the clock ran when the extension was decided."""
    decided_at = extension.decided_at
    return (
        decided_at is not None
        and clock.started_at <= decided_at
        and (clock.ended_at is None or clock.ended_at >= decided_at)
    )
