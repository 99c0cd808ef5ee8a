"""What the page of one issue tells, in words: its history step by step, its clocks, its units.

Nothing is written here. ``upto`` is the last event that the reader may see, as
``querysets.last_visible_seq`` says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from core.privacy import scrub
from core.workdays import Calendar
from issues.choices import Action, ClockKind, Lamp, LimitUnit, Verdict
from issues.inputs import INPUTS, PhotosField, UnitField
from issues.models import Assignment, Clock, Issue, IssueEvent, Photo
from people.models import Organisation

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
}


# --- how long ---


def elapsed(calendar: Calendar, start: datetime, end: datetime) -> str:
    """How long after ``start`` something happened: in working days, or within one in hours."""
    days = calendar.working_days_between(timezone.localdate(start), timezone.localdate(end))
    if days > 0:
        return f"{days} 个工作日后"
    minutes = int((end - start).total_seconds()) // 60
    if minutes < 1:
        return "随即"
    return f"{minutes} 分钟后" if minutes < 60 else f"{minutes // 60} 小时后"


def time_left(calendar: Calendar, clock: Clock, now: datetime) -> str:
    """How a running clock stands at ``now``, as one says it."""
    late = now >= clock.due_at
    if clock.limit_unit == LimitUnit.HOURS:
        minutes = int(abs(clock.due_at - now).total_seconds()) // 60
        length = f"{minutes // 60} 小时" if minutes >= 60 else f"{minutes} 分钟"
        return f"已超期 {length}" if late else f"还有 {length}"
    today, due_day = timezone.localdate(now), timezone.localdate(clock.due_at)
    if late:
        days = calendar.working_days_between(due_day, today)
        return f"已超期 {days} 个工作日" if days else "今天到期，已超期"
    days = calendar.working_days_between(today, due_day)
    return f"还有 {days} 个工作日" if days else "今天到期"


# --- the history ---


@dataclass(frozen=True)
class Entry:
    """One step of the history. ``since`` is the time after the step before, empty for the first."""

    seq: int
    action: str
    at: datetime
    title: str
    state: str
    by: str
    since: str
    facts: list[tuple[str, str]]
    text: str
    photos: list[Photo]
    icon: str
    tone: str


def history(issue: Issue, *, upto: int, calendar: Calendar) -> list[Entry]:
    """The steps of ``issue`` from the first to ``upto``. Three queries."""
    events = list(
        issue.events.filter(seq__lte=upto)
        .select_related("actor", "posting__place", "posting__organisation", "text")
        .order_by("seq")
    )
    photos: defaultdict[int, list[Photo]] = defaultdict(list)
    for photo in issue.photos.filter(seq__lte=upto).select_related("attachment").order_by("id"):
        photos[photo.seq].append(photo)
    units = _units_named_in(events)
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
                since=elapsed(calendar, before.at, event.at) if before else "",
                facts=facts(event, units),
                text=scrub(event.text.body) if event.text else "",
                photos=photos[event.seq],
                icon=icon,
                tone=tone,
            )
        )
    return entries


def _state_after(event: IssueEvent) -> str:
    return Issue(level=event.to_level, status=event.to_status).state_label


@cache
def _fields(action: str) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """The fields of an action's input, for their labels and choices."""
    return dict(INPUTS[Action(action)]().fields) if action in INPUTS else {}


def facts(event: IssueEvent, units: Mapping[int, Organisation]) -> list[tuple[str, str]]:
    """What was decided at a step, in the labels and words of its input; no free text."""
    if event.action == Action.CREATE:
        return []  # the head of the page says it
    data, found = event.data, []
    for name, field in _fields(event.action).items():
        if isinstance(field, PhotosField):
            continue  # they are shown
        if isinstance(field, UnitField):
            value = _name(units, data.get(f"{name}_id"))
        elif isinstance(field, serializers.ListSerializer):
            value = "、".join(_name(units, row["unit_id"]) for row in data.get(name, ()))
        elif isinstance(field, serializers.ListField):
            value = "、".join(_name(units, pk) for pk in data.get("unit_ids", ()))
        elif isinstance(field, serializers.ChoiceField):
            value = str(field.choices.get(data.get(name), ""))
        elif isinstance(field, serializers.BooleanField):
            value = {True: "是", False: "否"}.get(data.get(name), "")
        else:
            value = str(data.get(name) or "")
        if value:
            found.append((str(field.label), value))
    return found


def _units_named_in(events: list[IssueEvent]) -> dict[int, Organisation]:
    ids: set[int] = set()
    for event in events:
        data = event.data
        ids.update(data.get("unit_ids", ()))
        ids.update(row["unit_id"] for row in data.get("co_units", ()))
        ids.update(data[key] for key in ("lead_unit_id", "suggested_unit_id") if key in data)
    return Organisation.objects.in_bulk(ids)


def _name(units: Mapping[int, Organisation], pk: int | None) -> str:
    return units[pk].name if pk is not None and pk in units else ""


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
    name = f"{clock.get_level_display()}{clock.get_step_display()}"
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
        limit=f"{clock.limit_value} {'个工作日' if clock.limit_unit == LimitUnit.DAYS else '小时'}",
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
    """The units that a reader sees, the lead first."""
    due = {
        clock.assignment_id: clock.due_at
        for clock in clocks
        if clock.assignment_id and clock.ended_at is None
    }
    seen = [row for row in assignments if until is None or row.assigned_at <= until]
    return [
        UnitLine(row, _standing(row), due.get(row.pk))
        for row in sorted(seen, key=lambda row: (row.left_seq is not None, not row.is_lead, row.pk))
    ]


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
