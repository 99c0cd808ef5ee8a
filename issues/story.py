"""What the page of one issue tells, in words: its history step by step, its clocks, its units.

Nothing is written here. ``upto`` is the last event that the reader may see, as
``querysets.last_visible_seq`` says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from core.privacy import scrub
from core.workdays import Calendar
from issues import waits
from issues.case import Case
from issues.choices import Action, ClockKind, Lamp, Verdict, Visibility, step_at
from issues.facts import Names, facts
from issues.models import Assignment, Clock, Issue, IssueEvent, Photo
from issues.waits import limit_text, time_left
from people.reference import with_reference_data

PLATFORM = "平台"

# Icon and tone of a step; other steps have a plain dot.
MARKS: Mapping[str, tuple[str, str]] = {
    Action.CREATE: ("flag", "blue"),
    Action.ESCALATE_TOWN: ("arrow-up", "orange"),
    Action.ESCALATE_DISTRICT: ("arrow-up", "orange"),
    Action.SEND_DOWN: ("arrow-down", "orange"),
    Action.CONSULT: ("people", "blue"),
    Action.ASSIGN: ("send", "blue"),
    Action.ACKNOWLEDGE: ("inbox", "blue"),
    Action.AUTO_ACKNOWLEDGE: ("inbox", "yellow"),
    Action.FIRST_HANDLE: ("tools", "blue"),
    Action.RESOLVE_ON_SPOT: ("check2", "green"),
    Action.CO_REPLY: ("reply", "blue"),
    Action.SUBMIT_COMPLETION: ("check2", "green"),
    Action.PASS_VERIFICATION: ("check2-all", "green"),
    Action.FAIL_VERIFICATION: ("arrow-counterclockwise", "red"),
    Action.RECORD_REVISIT: ("telephone", "blue"),
    Action.REDO: ("arrow-counterclockwise", "red"),
    Action.REQUEST_RETURN: ("reply", "orange"),
    Action.APPROVE_RETURN: ("check2", "orange"),
    Action.REFUSE_RETURN: ("x-lg", "red"),
    Action.ARBITRATE: ("hammer", "red"),
    Action.TRANSFER: ("shuffle", "orange"),
    Action.ADD_CO: ("person-plus", "blue"),
    Action.PROGRESS: ("chat-left-text", "blue"),
    Action.REQUEST_EXTENSION: ("calendar-plus", "yellow"),
    Action.APPROVE_EXTENSION: ("calendar-check", "green"),
    Action.REFUSE_EXTENSION: ("calendar-x", "red"),
    Action.REQUEST_SUSPENSION: ("pause", "yellow"),
    Action.SUSPEND: ("pause-fill", "secondary"),
    Action.REFUSE_SUSPENSION: ("x-lg", "red"),
    Action.TO_MEETING: ("calendar-event", "orange"),
    Action.APPLY_RESOLUTION: ("file-earmark-check", "blue"),
    Action.RESUME: ("play-fill", "blue"),
    Action.AUTO_RESUME: ("play-fill", "yellow"),
    Action.CONVERT_TO_PROJECT: ("bullseye", "green"),
    Action.REQUEST_REVIEW: ("search", "yellow"),
    Action.CLOSE_ON_REVIEW: ("check2-all", "green"),
    Action.REOPEN: ("arrow-repeat", "red"),
    Action.MERGE: ("sign-merge-right", "secondary"),
    Action.ABSORB: ("sign-merge-right", "secondary"),
    Action.UNMERGE: ("diagram-2", "secondary"),
    Action.RELEASE: ("diagram-2", "secondary"),
    Action.DECLINE: ("slash-circle", "yellow"),
    Action.VOID: ("trash", "yellow"),
    Action.CONFIRM_VOID: ("trash", "secondary"),
    Action.REFUSE_VOID: ("x-lg", "red"),
    Action.CONTACT: ("telephone", "blue"),
    Action.HAND_OVER: ("person-check", "blue"),
    Action.URGE: ("bell", "orange"),
    Action.SUPERVISE: ("exclamation-octagon", "red"),
    Action.ANSWER_SUPERVISION: ("reply", "blue"),
    Action.STRIKE_OFF: ("check-circle", "green"),
    Action.INSTRUCT: ("pen", "red"),
    Action.ANSWER_INSTRUCTION: ("reply", "blue"),
    Action.CORRECT: ("pencil", "secondary"),
    Action.RECALCULATE: ("calendar-week", "secondary"),
}


# --- the history ---


@dataclass(frozen=True)
class Entry:
    """One step of the history, and the wait before it; the first has none."""

    seq: int
    action: str
    at: datetime
    title: str
    state: str
    by: str
    wait: waits.Wait | None
    facts: list[tuple[str, str]]
    text: str
    photos: list[Photo]
    icon: str
    tone: str


def history(
    case: Case,
    *,
    upto: int,
    calendar: Calendar,
    clocks: Sequence[Clock] = (),
    internal: bool = True,
) -> list[Entry]:
    """The steps of ``case`` from the first to ``upto``. Two queries, and those of ``Names.of``.

    ``clocks`` with their pauses, in the order of their start, tell which limit ran meanwhile.
    Without ``internal``, notes that are not for who complained are left out.
    """
    issue = case.issue
    events = list(
        issue.events.filter(seq__lte=upto)
        .select_related("actor", "text", "posting__deputises_for__user")
        .order_by("seq")
    )
    with_reference_data(event.posting for event in events if event.posting)
    if not internal:
        events = [e for e in events if e.data.get("visibility") != Visibility.INTERNAL]
    photos: defaultdict[int, list[Photo]] = defaultdict(list)
    for photo in issue.photos.filter(seq__lte=upto).select_related("attachment").order_by("id"):
        photos[photo.seq].append(photo)
    names = Names.of(case, events)
    entries = []
    for before, event in zip([None, *events], events, strict=False):
        icon, tone = MARKS.get(event.action, ("dot", "secondary"))
        moved = (event.from_level, event.from_status) != (event.to_level, event.to_status)
        entries.append(
            Entry(
                seq=event.seq,
                action=event.action,
                at=event.at,
                title=event.get_action_display(),
                state=_state_after(event) if moved else "",
                by=f"{event.actor} · {event.posting}" if event.actor else PLATFORM,
                wait=waits.between(clocks, before.at, event.at, calendar, names.extensions.values())
                if before
                else None,
                facts=facts(event, names),
                text=scrub(event.text.body) if event.text else "",
                photos=photos[event.seq],
                icon=icon,
                tone=tone,
            )
        )
    return entries


def _state_after(event: IssueEvent) -> str:
    return Issue(level=event.to_level, status=event.to_status).state_label


# --- clocks ---


@dataclass(frozen=True)
class ClockLine:
    """One clock in words. ``lamp`` is set while it runs."""

    clock: Clock
    name: str
    limit: str
    standing: str
    pauses: str
    lamp: Lamp | None


def clock_lines(
    clocks: list[Clock], *, calendar: Calendar, now: datetime, until: datetime | None = None
) -> list[ClockLine]:
    """The clocks in the order in which they started; those started after ``until`` are left out."""
    return [
        _line(clock, calendar, now)
        for clock in clocks
        if until is None or clock.started_at <= until
    ]


def _line(clock: Clock, calendar: Calendar, now: datetime) -> ClockLine:
    name = step_at(clock.level, clock.step)
    if clock.kind == ClockKind.CO_UNIT and clock.assignment:
        name = f"协办：{clock.assignment.unit.short_name}"
    if clock.ended_at is None:
        standing = time_left(calendar, clock, now)
    elif clock.verdict == Verdict.CANCELLED:
        standing = "已取消"
    else:
        standing = f"{clock.get_verdict_display()}完成"
    return ClockLine(
        clock=clock,
        name=name,
        limit=limit_text(clock),
        standing=standing,
        pauses="；".join(_pause(pause, calendar) for pause in clock.pauses.all()),
        lamp=clock.lamp(now),
    )


def _pause(pause: Any, calendar: Calendar) -> str:
    days = calendar.working_days_between(
        timezone.localdate(pause.started_at), timezone.localdate(pause.ended_at)
    )
    return f"{pause.get_kind_display()}停表 {days} 个工作日"


# --- units ---


@dataclass(frozen=True)
class UnitLine:
    """One unit of the case: what it was told, whether it has taken it on, what it still owes."""

    assignment: Assignment
    standing: str
    due_at: datetime | None


def unit_lines(
    assignments: list[Assignment], clocks: list[Clock], *, until: datetime | None = None
) -> list[UnitLine]:
    """The units that a reader sees, the lead first; for who left, as they stood at ``until``."""
    due = {
        clock.assignment_id: clock.due_at
        for clock in clocks
        if clock.assignment_id and clock.ended_at is None and until is None
    }
    seen = [_as_of(row, until) for row in assignments if until is None or row.assigned_at <= until]
    return [
        UnitLine(row, _standing(row), due.get(row.pk))
        for row in sorted(seen, key=lambda row: (row.left_seq is not None, not row.is_lead, row.pk))
    ]


def _as_of(row: Assignment, until: datetime | None) -> Assignment:
    """The order without what its unit did later."""
    if until is None:
        return row
    earlier = copy(row)
    if row.acknowledged_at and row.acknowledged_at > until:
        earlier.acknowledged_at = None
    if row.replied_at and row.replied_at > until:
        earlier.replied_at = None
    return earlier


def _standing(row: Assignment) -> str:
    if row.left_seq is not None:
        return "已退出"
    if row.is_lead:
        if row.acknowledged_at is None:
            return "待签收"
        return "视同签收" if row.deemed_acknowledged else "已签收"
    if row.replied_at is not None:
        return "已回复"
    return "待回复" if row.reply_required else "无须回复"
